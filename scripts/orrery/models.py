"""Language models: loaded once from a folder, trained or untrained, in the precision and on the device asked for."""

import hashlib
import logging
import re
import tempfile
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import torch
import transformers

from orrery.assets import facts_of
from orrery.cards import own_card
from orrery.changes import Changes
from orrery.errors import OrreryError
from orrery.missing import kinds_of, missing_tensors
from orrery.tokenizing import first_line, load_tokenizer
from orrery.weights import ADAPTER, ADAPTER_CONFIG, adapter_of, packed_weights, refuse_pickles, verify, weight_files

# What configurations call the longest context.
WINDOWS = ("max_position_embeddings", "n_positions", "max_seq_len", "max_sequence_length", "n_ctx")


@dataclass
class LanguageModel:
    """A model ready to be read; `stack.find_stack` fills in what is known of its structure.

    `blocks` are the modules that act as residual blocks, none where the reported hidden states are read; `depth` is how
    many calls of them a text takes, `read_from` their path or output_hidden_states, `reported` the layers that the
    hidden states are, in their order. `causal` says whether the model looks only back, `padded` whether texts may be
    padded to one length, `shares` whether what texts begin with can be read once for all of them. `widths` are the
    dimensions of the embedding, the residual stream and the final output, `positions` and `vocabulary` the rows of the
    tables of positions and tokens, `streams` the axis of several residual streams in the reported hidden states.
    `missing` are the tensors that the files lack (`missing.MissingTensor`), `unused` the names of those
    in the files that the model has no place for, `trained` whether weights were read at all.
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
    read_from: str = ""
    reported: list = field(default_factory=list)
    widths: dict = field(default_factory=dict)
    positions: int | None = None
    vocabulary: int | None = None
    streams: int | None = None
    changes: Changes = field(default_factory=Changes)
    missing: list = field(default_factory=list)
    unused: list = field(default_factory=list)
    trained: bool = True

    @property
    def dtype(self):
        """The precision of the weights."""
        return next(p.dtype for p in self.model.parameters() if p.is_floating_point())

    @property
    def max_tokens(self):
        """The longest context that the model takes, in tokens."""
        config = self.model.config.get_text_config()
        limits = [
            self.positions,
            *(getattr(config, key, None) for key in WINDOWS),
            self.tokenizer.model_max_length,
            1 << 20,
        ]
        return min(limit for limit in limits if isinstance(limit, int) and limit > 0)

    @property
    def embedding(self):
        """The module of the embedding matrix, of the outermost part that has one (CLIP: the text tower), or None."""
        for part in self.model.modules():
            try:
                if (module := part.get_input_embeddings()).weight.ndim == 2:
                    return module
            except (NotImplementedError, AttributeError):
                continue
        return None

    @property
    def rows(self):
        """Rows of the embedding matrix, or None where the model has no such matrix (CANINE)."""
        if self.vocabulary is not None:
            return self.vocabulary
        return None if self.embedding is None else len(self.embedding.weight)

    @property
    def padding(self):
        """The id that fills up shorter texts: some tokenizers have a padding token that the model has not."""
        token = self.tokenizer.pad_token_id or 0
        return token if self.rows is None or token < self.rows else 0


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
        The folder holds no model or tokenizer that transformers can load here, a file of it is damaged, or the machine
        lacks what is asked for.
    """
    folder = Path(folder)
    options = {"trust_remote_code": trust_remote_code, "local_files_only": True}
    target, info = _device(name, device, quantization), None
    if weights == "trained":
        refuse_pickles(folder, name, allow_pickle)
    verify(folder, weights == "trained")
    with _refusals(folder, name):
        config = transformers.AutoConfig.from_pretrained(folder, **options)
    tokenizer = load_tokenizer(folder, trust_remote_code)
    named = (config.architectures or [""])[0]
    cls = getattr(transformers, named, transformers.AutoModel) if head else transformers.AutoModel
    with _refusals(folder, name, config):
        if weights == "random":
            model = _untrained(cls, config, trust_remote_code, seed)
            for parameter in model.parameters():  # not the buffers: frequencies of positions stay exact
                parameter.data = parameter.data.to(getattr(torch, dtype))
        else:
            model, info = _trained(
                cls, folder, name, config=config, dtype=getattr(torch, dtype), output_loading_info=True,
                use_safetensors=_format(folder, allow_pickle), ignore_mismatched_sizes=True,
                **options, **_dense(config), **_placing(device, quantization, dtype),
            )  # fmt: skip
    for part in (model.config, model.config.get_text_config()):
        part.use_cache = False
    if weights == "random" or not _placing(device, quantization, dtype):
        model = model.to(target)
    loaded = LanguageModel(model.eval(), tokenizer, target, name, trained=bool(info))
    if info:
        if not hasattr(model, "hf_quantizer"):
            _refuse_packed(folder, name)
        loaded.missing, loaded.unused = info
    return loaded


@contextmanager
def _refusals(folder, name, config=None):
    """Make one sentence of whatever transformers has against a model's files."""
    report = _Report()
    logging.getLogger("transformers.modeling_utils").addHandler(report)
    try:
        yield
    except OrreryError:
        raise
    except Exception as error:
        reason, method = first_line(error), _quantised_by(config)
        if report.lost and not method:
            raise OrreryError(
                f"models.{name}.asset: tensors of the model cannot be put together from those in {folder}: "
                f"{', '.join(report.lost)}; one of their parts is missing or has another shape. Give all weights."
            ) from error
        if method:
            raise OrreryError(
                f"models.{name}.asset: the weights in {folder} are quantised by {method}, and transformers cannot load "
                f"them here ({reason}); install what it names, or give the model in 16 or 32 bits."
            ) from error
        raise OrreryError(f"{folder}: this is no model that transformers can load ({reason}).") from error
    finally:
        logging.getLogger("transformers.modeling_utils").removeHandler(report)


class _Report(logging.Handler):
    """What transformers says in its log alone: which tensors it could not make from those in the files."""

    def __init__(self):
        super().__init__()
        self.lost = []

    def emit(self, record):
        self.lost += re.findall(r"^(\S.*?) +\| *(?:\x1b\[\w+)?CONVERSION", record.getMessage(), re.MULTILINE)


def _quantised_by(config):
    options = getattr(config, "quantization_config", None) or {}
    method = options.get("quant_method", "") if isinstance(options, dict) else getattr(options, "quant_method", "")
    return str(getattr(method, "value", method) or "")


def _dense(config):
    """What from_pretrained is told of a checkpoint that else unpacks its weights in the middle of the first run."""
    if _quantised_by(config) != "compressed-tensors":
        return {}
    return {"quantization_config": transformers.CompressedTensorsConfig(dequantize=True)}


def _refuse_packed(folder, name):
    """Weights of a few bits are read as what they stand for by a quantiser only; without one they are wrong numbers."""
    for dtype, tensors in packed_weights(folder).items():
        raise OrreryError(
            f"models.{name}.asset: {', '.join(kinds_of(tensors)[:4])} and so on are stored as {dtype}, and config.json "
            "does not say how they are quantised (quantization_config); give the model in 16 or 32 bits."
        )


def _trained(cls, folder, name, **options):
    """(model, (missing tensors, unused ones)) of a folder's weights, with its adapter (PEFT) where it has one."""
    if not adapter_of(folder):
        model, info = cls.from_pretrained(folder, **options)
        return model, _without_place(model, info)
    try:
        import peft  # noqa: F401
    except ImportError as error:
        raise OrreryError(
            f"models.{name}.asset: {folder} holds an adapter ({ADAPTER_CONFIG}), and peft is not installed; install "
            "it, or take the adapter's files out to read the model without."
        ) from error
    with tempfile.TemporaryDirectory() as alone:  # transformers says of an adapter's model only what the adapter lacks
        for file in folder.iterdir():
            if file.name not in (ADAPTER_CONFIG, *ADAPTER):
                Path(alone, file.name).symlink_to(file.resolve())
        model, info = cls.from_pretrained(alone, **options)
    missing, unused = _without_place(model, info)
    of_adapter = _without_place(model, model.load_adapter(str(folder)).to_dict())
    return model, (missing + of_adapter[0], unused + of_adapter[1])


def _without_place(model, info):
    return missing_tensors(model, info), sorted(info["unexpected_keys"])


def _device(name, device, quantization):
    try:
        target = pick_device(device)
        torch.empty(0, device=target)
    except (RuntimeError, AssertionError) as error:
        raise OrreryError(
            f"models.{name}.device: {device!r} is not to be had here ({first_line(error)}); write auto."
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
    return None if allow_pickle and not any(file.endswith(".safetensors") for file in weight_files(folder)) else True


def describe(loaded, folder):
    """What made a file of vectors: asset, architecture, digests, adapter, dtype, device, tokenizer, versions.

    Random weights have no digest, and no adapter.
    """
    config, asset = Path(folder, "config.json"), facts_of(folder)
    return {
        "asset": asset,
        "architecture": type(loaded.model).__name__,
        "config_sha256": hashlib.sha256(config.read_bytes()).hexdigest() if config.exists() else "",
        "weights_sha256": asset["weights_sha256"] if loaded.trained else "",
        "adapter": adapter_of(folder) if loaded.trained else {},
        "dtype": str(loaded.dtype).removeprefix("torch."),
        "device": str(loaded.device),
        "causal": loaded.causal,
        "read_from": loaded.read_from,
        "tokenizer": type(loaded.tokenizer).__name__,
        "versions": {"torch": torch.__version__, "transformers": transformers.__version__},
    }
