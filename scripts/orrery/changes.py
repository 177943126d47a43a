"""What running a model changes in it, and how that is undone."""

import contextlib

import transformers


class Changes:
    """What the runs so far have changed in a model: attributes, modules and buffers that were replaced.

    BigBird turns its sparse attention off for good at the first short text; vision–language models remember the
    positions of the last text. Put back before each run, every text is read as the first.
    """

    def __init__(self):
        self._first = {}

    @contextlib.contextmanager
    def undone(self, model):
        """Note what is changed inside, and put it back."""
        self.put_back()
        before = [(holder, dict(holder)) for holder in _holders(model)]
        try:
            yield
        finally:
            for holder, held in before:
                for key, value in held.items():
                    if holder.get(key, self) is not value:
                        self._first.setdefault((id(holder), key), (holder, key, value))
            self.put_back()

    def put_back(self):
        """Make the model what it was before its first run."""
        for holder, key, value in self._first.values():
            holder[key] = value


def _holders(model):
    """The dictionaries that hold a model's state, weights apart."""
    configs = {}
    for module in model.modules():
        yield from (vars(module), module._modules, module._buffers)
        if isinstance(config := getattr(module, "config", None), transformers.PreTrainedConfig):
            configs[id(config)] = vars(config)
    yield from configs.values()
