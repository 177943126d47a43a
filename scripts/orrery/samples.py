"""Samples from prompt templates."""


def expand_templates(templates, values):
    """Every template with every label.

    Parameters
    ----------
    templates : list of str
        Each with one `{label}`.
    values : dict of str → float
        Label → value, in the labels' order.

    Returns
    -------
    list of dict
        One sample each, sorted by label; `group` is the template, `start` and `end` the label's characters.
    """
    samples = []
    for label, value in values.items():
        for number, template in enumerate(templates):
            before, _, after = template.partition("{label}")
            samples.append(
                {
                    "label": label,
                    "value": value,
                    "text": before + label + after,
                    "start": len(before),
                    "end": len(before) + len(label),
                    "group": f"template {number + 1}",
                    "row": number,
                }
            )
    return samples
