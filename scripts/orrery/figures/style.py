"""Typography and sizes of all figures."""

FONT = "DejaVu Sans"
WEB_FONT = "Inter, 'Helvetica Neue', 'DejaVu Sans', Arial, sans-serif"
WIDTH = 5.2  # inches of one static panel
DPI = 200
RC = {
    "font.family": FONT,
    "font.size": 8.5,
    "axes.titlesize": 9.5,
    "axes.titlelocation": "left",
    "axes.labelsize": 8.5,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.edgecolor": "#6b7280",
    "axes.labelcolor": "#1b1f24",
    "xtick.color": "#6b7280",
    "ytick.color": "#6b7280",
    "axes.linewidth": 0.7,
    "xtick.major.width": 0.7,
    "ytick.major.width": 0.7,
    "legend.frameon": False,
    "svg.fonttype": "none",  # text stays text
    "svg.hashsalt": "orrery",  # the same picture has the same bytes
    "pdf.fonttype": 42,
}
