"""Typography, sizes and themes of all figures."""

from dataclasses import dataclass

FONT = "DejaVu Sans"
WEB_FONT = "Inter, 'Helvetica Neue', 'DejaVu Sans', Arial, sans-serif"
COLUMN, PAGE = 3.4, 7.0  # inches: one and two columns of a paper
WIDTH = 5.2  # of a static figure with one panel
DPI = 200


@dataclass(frozen=True)
class Theme:
    """The colours that do not stand for data."""

    name: str
    paper: str
    ink: str
    muted: str
    faint: str
    accent: str
    control: str
    noise: str

    def colour(self, name):
        """A role's colour (ink, accent, …); what is a colour already stays."""
        return getattr(self, name, name)


LIGHT = Theme("light", "#ffffff", "#1b1f24", "#6b7280", "#e5e7eb", "#2563a8", "#d97706", "#9aa3af")
DARK = Theme("dark", "#14181f", "#e8eaed", "#9aa3af", "#2d3440", "#6cb0f2", "#f5a742", "#6f7a8a")
THEMES = {theme.name: theme for theme in (LIGHT, DARK)}


def rc(theme):
    """matplotlib's settings for a theme."""
    return {
        "font.family": FONT,
        "font.size": 8.5,
        "text.color": theme.ink,
        "text.parse_math": False,  # a label may hold dollars
        "figure.facecolor": theme.paper,
        "axes.facecolor": theme.paper,
        "axes.titlesize": 9,
        "axes.titlelocation": "left",
        "axes.titlecolor": theme.ink,
        "axes.labelsize": 8.5,
        "axes.labelcolor": theme.ink,
        "axes.spines.top": False,
        "axes.spines.right": False,
        "axes.edgecolor": theme.muted,
        "axes.linewidth": 0.7,
        "xtick.color": theme.muted,
        "ytick.color": theme.muted,
        "xtick.major.width": 0.7,
        "ytick.major.width": 0.7,
        "legend.frameon": False,
        "legend.fontsize": 7.5,
        "svg.fonttype": "none",  # text stays text
        "svg.hashsalt": "orrery",  # the same picture has the same bytes
        "pdf.fonttype": 42,
    }
