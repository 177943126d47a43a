"""What the Hugging Face hub's refusals mean."""


def hub_reason(error, hub, kind, revision):
    """A sentence that says why the hub did not give what was asked of `hub` at `revision`, and what to do."""
    from huggingface_hub import errors

    if isinstance(error, errors.GatedRepoError):
        return f"{hub!r} is gated; accept its terms on the hub and set HF_TOKEN to a token that may read it."
    if isinstance(error, errors.RevisionNotFoundError):
        return f"{hub!r} has no revision {revision!r}; write a branch, tag or commit that exists."
    if isinstance(error, errors.RepositoryNotFoundError):
        return f"there is no {kind} {hub!r} (or it is private and HF_TOKEN is not set); check the id."
    if isinstance(error, (errors.LocalEntryNotFoundError, errors.OfflineModeIsEnabled)):
        return (
            f"{hub!r} is not in the local cache and the hub cannot be reached; connect to the network, or unset "
            "HF_HUB_OFFLINE, or give a local folder with path."
        )
    return f"{hub!r} could not be fetched ({str(error).splitlines()[0] if str(error) else type(error).__name__})."
