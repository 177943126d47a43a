"""GGUF models as safetensors."""

from orrery.errors import OrreryError
from orrery.missing import kinds_of
from orrery.tokenizing import first_line


def to_safetensors(file, folder, name):
    """Dequantise a GGUF model once into a float32 safetensors folder with its tokenizer.

    Loading the folder takes a hundredth of the time of loading the GGUF. Saving needs the quantisation config that
    dequantises; without it transformers refuses to serialise the model.

    Parameters
    ----------
    file, folder : path
        The GGUF file, and the folder that is filled.
    name : str
        The asset's name, for messages.

    Raises
    ------
    OrreryError
        transformers cannot read the file, such as one of another architecture, or tensors are missing in it.
    """
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer, GgufConfig

    source = {"pretrained_model_name_or_path": str(file.parent), "gguf_file": file.name}
    dequantised = {"dtype": torch.float32, "quantization_config": GgufConfig(dequantize=True)}
    try:
        model, info = AutoModelForCausalLM.from_pretrained(
            **source, **dequantised, output_loading_info=True, ignore_mismatched_sizes=True
        )
        tokenizer = AutoTokenizer.from_pretrained(**source)
    except Exception as error:  # whatever its readers have against a file
        raise OrreryError(
            f"assets.{name}.convert: transformers cannot read {file.name}, a GGUF model{_architecture(file)} "
            f"({first_line(error)}); give the model's safetensors."
        ) from error
    if missing := sorted({*info["missing_keys"], *(key for key, *_ in info["mismatched_keys"])}):
        raise OrreryError(
            f"assets.{name}.convert: {file.name} lacks {', '.join(kinds_of(missing))}, which the model has; give a "
            "whole file, or the model's safetensors."
        )
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)


def _architecture(file):
    """of the architecture that the file says it has, as words."""
    import gguf

    try:
        return f" of the architecture {gguf.GGUFReader(file).fields['general.architecture'].contents()!r}"
    except Exception:  # no GGUF at all
        return ""
