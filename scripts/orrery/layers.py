"""What layers are called: in paths, in the config, in the files."""

# site of a block → what the layer's name ends in
SITES = {"resid_pre": "-pre", "attn_out": "-attn", "mlp_out": "-mlp", "resid_post": ""}


def layer_name(layer, site="resid_post"):
    """The path segment of a layer: 8 → '08', at another site '08-attn'; names stay as they are."""
    return f"{layer:02d}{SITES[site]}" if isinstance(layer, int) else layer


def block_of(layer):
    """(block, site) of a layer as the config or a path names it, or None where it belongs to no block."""
    number, dash, ending = layer_name(layer).partition("-")
    site = {end: site for site, end in SITES.items()}.get(dash + ending)
    return (int(number), site) if number.isdecimal() and site else None
