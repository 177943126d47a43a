"""Language models: loaded once, their stack of blocks found by structure and checked."""

from dataclasses import dataclass, field
from pathlib import Path

import torch
import transformers

from orrery.errors import OrreryError

PROBE = [5, 6, 7, 8, 9, 10]  # any six tokens that every vocabulary has


@dataclass
class LanguageModel:
    """A model ready to be read: `blocks` are the residual blocks in order, `causal` whether it looks only back."""

    model: torch.nn.Module
    tokenizer: transformers.PreTrainedTokenizerBase
    device: torch.device
    blocks: list = field(default_factory=list)
    causal: bool = True

    @property
    def max_tokens(self):
        """The longest context that the model takes, in tokens."""
        config = self.model.config.get_text_config()
        return min(getattr(config, "max_position_embeddings", None) or 1 << 20, self.tokenizer.model_max_length)


def pick_device(name):
    """auto → CUDA where there is a GPU, else Apple's, else the CPU; anything else as it says."""
    if name != "auto":
        return torch.device(name)
    if torch.cuda.is_available():
        return torch.device("cuda")
    return torch.device("mps" if torch.backends.mps.is_available() else "cpu")


def load(folder, dtype="float32", device="auto", trust_remote_code=False, head=False):
    """Load a model and its tokenizer from a folder of safetensors.

    Parameters
    ----------
    folder : path
        A Hugging Face model folder; nothing is fetched.
    dtype : str
        float32, bfloat16 or float16.
    head : bool
        With the language-model head, where the architecture that the folder names has one.

    Raises
    ------
    OrreryError
        The folder holds no model that transformers knows, or the tokenizer gives no character offsets.
    """
    folder = Path(folder)
    options = {"trust_remote_code": trust_remote_code, "local_files_only": True}
    try:
        tokenizer = transformers.AutoTokenizer.from_pretrained(folder, **options)
        config = transformers.AutoConfig.from_pretrained(folder, **options)
        named = (config.architectures or [""])[0]
        cls = getattr(transformers, named, transformers.AutoModel) if head else transformers.AutoModel
        model = cls.from_pretrained(folder, config=config, dtype=getattr(torch, dtype), use_safetensors=True, **options)
    except (OSError, ValueError, KeyError) as error:
        raise OrreryError(f"{folder}: this is no model that transformers can load ({_first_line(error)}).") from error
    if not tokenizer.is_fast:
        raise OrreryError(f"{folder}: the tokenizer gives no character offsets; add a tokenizer.json to the folder.")
    return LanguageModel(model.eval().to(pick_device(device)), tokenizer, pick_device(device))


def find_stack(loaded):
    """Fill in `blocks` and `causal` of a loaded model and check both against the model itself.

    Raises
    ------
    OrreryError
        No stack of blocks was found, or its outputs are not the hidden states that the model reports.
    """
    if loaded.model.config.is_encoder_decoder:
        loaded.model = loaded.model.get_encoder()
    loaded.blocks = _blocks(loaded.model)
    _check_blocks(loaded)
    loaded.causal = _is_causal(loaded)
    return loaded


def _blocks(model):
    depth = model.config.get_text_config().num_hidden_layers
    for module in model.modules():
        if isinstance(module, torch.nn.ModuleList) and len(module) == depth and depth > 0:
            return list(module)
    raise OrreryError(f"{type(model).__name__}: found no list of {depth} blocks; this architecture cannot be read yet.")


@torch.inference_mode()
def _check_blocks(loaded):
    """Block i's output is hidden_states[i + 1]; the last may differ, since some models norm it before reporting it."""
    outputs = []
    hooks = [b.register_forward_hook(lambda m, args, out: outputs.append(hidden(out))) for b in loaded.blocks]
    try:
        states = _run(loaded, PROBE, output_hidden_states=True).hidden_states
    finally:
        for hook in hooks:
            hook.remove()
    same = len(outputs) == len(states) - 1 and all(torch.equal(a, b) for a, b in zip(outputs[:-1], states[1:-1]))
    if not same:
        raise OrreryError(f"{type(loaded.model).__name__}: the blocks found are not the layers the model reports.")


@torch.inference_mode()
def _is_causal(loaded):
    """Whether changing the last token leaves what stands before it alone."""
    a = _run(loaded, PROBE).last_hidden_state[0, :-1]
    b = _run(loaded, [*PROBE[:-1], PROBE[-1] + 1]).last_hidden_state[0, :-1]
    return bool(torch.allclose(a, b, rtol=1e-3, atol=1e-5))


def _run(loaded, ids, **options):
    tokens = torch.tensor([ids], device=loaded.device)
    return loaded.model(input_ids=tokens, attention_mask=torch.ones_like(tokens), **options)


def hidden(output):
    """The residual stream [B, T, D] in what a block returns: a tensor, or a tuple that begins with it."""
    return output[0] if isinstance(output, tuple) else output


def _first_line(error):
    return (str(error).strip().splitlines() or [type(error).__name__])[0].rstrip(".")


def describe(loaded):
    """What made a file of vectors: dtype, device, direction, tokenizer, versions."""
    return {
        "architecture": type(loaded.model).__name__,
        "dtype": str(loaded.model.dtype).removeprefix("torch."),
        "device": str(loaded.device),
        "causal": loaded.causal,
        "tokenizer": type(loaded.tokenizer).__name__,
        "versions": {"torch": torch.__version__, "transformers": transformers.__version__},
    }
