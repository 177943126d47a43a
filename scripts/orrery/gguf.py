"""GGUF models as safetensors."""


def to_safetensors(file, folder):
    """Dequantise a GGUF model once into a float32 safetensors folder with its tokenizer.

    Loading the folder takes a hundredth of the time of loading the GGUF. Saving needs the quantisation config that
    dequantises; without it transformers refuses to serialise the model.
    """
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer, GgufConfig

    source = {"pretrained_model_name_or_path": str(file.parent), "gguf_file": file.name}
    model = AutoModelForCausalLM.from_pretrained(
        **source, dtype=torch.float32, quantization_config=GgufConfig(dequantize=True)
    )
    model.save_pretrained(folder)
    AutoTokenizer.from_pretrained(**source).save_pretrained(folder)
