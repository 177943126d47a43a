"""Language models: loaded once from a folder, trained or untrained, in the precision and on the device asked for."""

import hashlib
from dataclasses import dataclass, field
from pathlib import Path

import torch
import transformers

from orrery.cards import own_card
from orrery.errors import OrreryError


@dataclass
class LanguageModel:
    """A model ready to be read; `stack.find_stack` fills in what is known of its structure.

    `blocks` are the modules that act as residual blocks, `depth` how many calls of them a text takes, `causal` whether
    the model looks only back, `padded` whether texts may be padded to one length, `shares` whether what texts
    begin with can be read once for all of them, `widths` the dimensions of the residual stream and the final output.
    """

    model: torch.nn.Module
    tokenizer: transformers.PreTrainedTokenizerBase
    device: torch.device
    name: str = "model"
    blocks: list = field(default_factory=list)
    depth: int = 0
    causal: bool = True
    padded: bool = True
    shares: bool = False
    widths: dict = field(default_factory=dict)

    @property
    def max_tokens(self):
        """The longest context that the model takes, in tokens."""
        config = self.model.config.get_text_config()
        return min(getattr(config, "max_position_embeddings", None) or 1 << 20, self.tokenizer.model_max_length)


def pick_device(name):
    """auto → a free CUDA card where there is one, else Apple's GPU, else the CPU; anything else as it says."""
    if name not in ("auto", "spread"):
        return torch.device(name)
    if torch.cuda.is_available():
        return torch.device("cuda", own_card())
    return torch.device("mps" if torch.backends.mps.is_available() else "cpu")


def load(folder, name="model", dtype="float32", device="auto", weights="trained", seed=0, quantization="none",
         trust_remote_code=False, allow_pickle=False, head=False):  # fmt: skip
    """Load a model and its tokenizer from a folder.

    Parameters
    ----------
    folder : path
        A Hugging Face model folder; nothing is fetched.
    name : str
        The model's name in the config, for messages.
    dtype : str
        float32, bfloat16 or float16.
    device : str
        auto, spread (over all that there is, by accelerate), or a device of torch.
    weights : {"trained", "random"}
        random draws them anew with `seed`, as the architecture is initialised before training.
    quantization : {"none", "8bit", "4bit"}
        By bitsandbytes, on a GPU.
    trust_remote_code, allow_pickle : bool
        Whether code of the folder may run: its own modules, or what a pickle of weights holds.
    head : bool
        With the language-model head, where the architecture that the folder names has one.

    Raises
    ------
    OrreryError
        The folder holds no model that transformers knows, the tokenizer gives no character offsets, or the machine
        lacks what is asked for.
    """
    folder = Path(folder)
    options = {"trust_remote_code": trust_remote_code, "local_files_only": True}
    target = _device(name, device, quantization)
    try:
        tokenizer = transformers.AutoTokenizer.from_pretrained(folder, **options)
        config = transformers.AutoConfig.from_pretrained(folder, **options)
        named = (config.architectures or [""])[0]
        cls = getattr(transformers, named, transformers.AutoModel) if head else transformers.AutoModel
        if weights == "random":
            model = _untrained(cls, config, trust_remote_code, seed)
            for parameter in model.parameters():  # not the buffers: frequencies of positions stay exact
                parameter.data = parameter.data.to(getattr(torch, dtype))
        else:
            placing = _placing(device, quantization, dtype)
            model = cls.from_pretrained(
                folder, config=config, dtype=getattr(torch, dtype), use_safetensors=_format(folder, allow_pickle),
                **options, **placing,
            )  # fmt: skip
    except (OSError, ValueError, KeyError) as error:
        raise OrreryError(f"{folder}: this is no model that transformers can load ({_first_line(error)}).") from error
    if not tokenizer.is_fast:
        raise OrreryError(f"{folder}: the tokenizer gives no character offsets; add a tokenizer.json to the folder.")
    for part in (model.config, model.config.get_text_config()):
        part.use_cache = False
    if weights == "random" or not _placing(device, quantization, dtype):
        model = model.to(target)
    return LanguageModel(model.eval(), tokenizer, target, name)


def _device(name, device, quantization):
    try:
        target = pick_device(device)
        torch.empty(0, device=target)
    except (RuntimeError, AssertionError) as error:
        raise OrreryError(
            f"models.{name}.device: {device!r} is not to be had here ({_first_line(error)}); write auto."
        ) from error
    if quantization != "none":
        try:
            import bitsandbytes  # noqa: F401
        except ImportError as error:
            raise OrreryError(
                f"models.{name}.quantization: {quantization} needs bitsandbytes; install it, or write none."
            ) from error
        if target.type != "cuda":
            raise OrreryError(f"models.{name}.quantization: {quantization} needs a CUDA device; write none.")
    return target


def _placing(device, quantization, dtype):
    """What from_pretrained is told where it has to place the weights itself."""
    placing = {"device_map": "auto"} if device == "spread" else {}
    if quantization != "none":
        bits = {"8bit": {"load_in_8bit": True}, "4bit": {"load_in_4bit": True}}[quantization]
        if quantization == "4bit":
            bits["bnb_4bit_compute_dtype"] = getattr(torch, dtype)
        placing["quantization_config"] = transformers.BitsAndBytesConfig(**bits)
        placing.setdefault("device_map", {"": pick_device(device)})
    return placing


def _untrained(cls, config, trust_remote_code, seed):
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        if hasattr(cls, "from_config"):
            return cls.from_config(config, trust_remote_code=trust_remote_code, dtype=torch.float32)
        return cls._from_config(config, dtype=torch.float32)


def _format(folder, allow_pickle):
    """use_safetensors of from_pretrained: pickles are an answer only where there is no other and they are allowed."""
    return None if allow_pickle and not any(folder.glob("*.safetensors")) else True


def _first_line(error):
    return (str(error).strip().splitlines() or [type(error).__name__])[0].rstrip(".")


def describe(loaded, folder):
    """What made a file of vectors: architecture, configuration's digest, dtype, device, tokenizer, versions."""
    config = Path(folder, "config.json")
    return {
        "architecture": type(loaded.model).__name__,
        "config_sha256": hashlib.sha256(config.read_bytes()).hexdigest() if config.exists() else "",
        "dtype": str(loaded.model.dtype).removeprefix("torch."),
        "device": str(loaded.device),
        "causal": loaded.causal,
        "tokenizer": type(loaded.tokenizer).__name__,
        "versions": {"torch": torch.__version__, "transformers": transformers.__version__},
    }
