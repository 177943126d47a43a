"""Tiny random models of many architectures."""

SMALL = {
    "vocab_size": 600, "hidden_size": 32, "num_hidden_layers": 3, "num_attention_heads": 4, "num_key_value_heads": 2,
    "head_dim": 8, "intermediate_size": 48, "max_position_embeddings": 64, "pad_token_id": 0, "bos_token_id": 1,
    "eos_token_id": 1,
}  # fmt: skip
GPT = {"n_embd": 32, "n_layer": 3, "n_head": 4, "n_positions": 64}
LATENT = {
    "q_lora_rank": 16, "kv_lora_rank": 16, "qk_nope_head_dim": 8, "qk_rope_head_dim": 8, "v_head_dim": 8,
    "n_routed_experts": 8, "num_experts_per_tok": 2, "moe_intermediate_size": 16, "num_key_value_heads": 4,
    "first_k_dense_replace": 1,
}  # fmt: skip
GATED_DELTA = {
    "layer_types": ["linear_attention", "full_attention", "linear_attention"], "linear_num_key_heads": 2,
    "linear_num_value_heads": 2, "linear_key_head_dim": 8, "linear_value_head_dim": 8, "num_experts": 4,
    "num_experts_per_tok": 2, "moe_intermediate_size": 16, "shared_expert_intermediate_size": 16,
}  # fmt: skip
# What each needs besides SMALL; a value of None takes a key out.
ARCHITECTURES = {
    # decoders
    "gpt2": GPT, "gpt_neox": {}, "gptj": {**GPT, "rotary_dim": 4}, "codegen": {**GPT, "rotary_dim": 4, "n_ctx": 64},
    "gpt_neo": {"attention_types": [[["global", "local", "global"], 1]], "num_layers": 3, "num_heads": 4, "window_size": 8},
    "gpt_bigcode": GPT, "openai-gpt": GPT, "opt": {"ffn_dim": 48, "word_embed_proj_dim": 32}, "bloom": GPT,
    "llama": {}, "mistral": {}, "qwen2": {}, "qwen3": {}, "gemma": {}, "gemma2": {}, "gemma3_text": {"sliding_window": 8},
    "olmo": {}, "olmo2": {}, "olmo3": {}, "phi": {}, "phi3": {}, "falcon": {"head_dim": None, "num_key_value_heads": None},
    "stablelm": {}, "cohere": {}, "cohere2": {}, "granite": {"residual_multiplier": 0.22}, "starcoder2": {}, "mpt": {},
    "persimmon": {}, "nemotron": {}, "glm": {}, "glm4": {}, "smollm3": {}, "exaone4": {}, "ernie4_5": {}, "helium": {},
    "seed_oss": {}, "apertus": {}, "arcee": {}, "biogpt": {}, "ctrl": {}, "hunyuan_v1_dense": {},
    # mixtures of experts
    "mixtral": {}, "qwen2_moe": {}, "qwen3_moe": {}, "olmoe": {}, "granitemoe": {"residual_multiplier": 0.22},
    "deepseek_v2": LATENT, "deepseek_v3": {**LATENT, "head_dim": None, "n_group": 2, "topk_group": 1}, "gpt_oss": {},
    "llama4_text": {},
    # state spaces, recurrences and hybrids
    "mamba": {"state_size": 8}, "mamba2": {"num_heads": 8, "state_size": 16, "n_groups": 1}, "falcon_mamba": {"state_size": 8},
    "rwkv": {}, "recurrent_gemma": {}, "lfm2": {}, "qwen3_next": GATED_DELTA, "falcon_h1": {"mamba_d_ssm": 32, "mamba_n_heads": 4, "mamba_d_head": 8, "mamba_d_state": 8, "mamba_chunk_size": 8},
    "jamba": {"num_hidden_layers": 4, "attn_layer_period": 2, "attn_layer_offset": 1, "mamba_d_state": 8,
              "use_mamba_kernels": False, "expert_layer_period": 2},
    "bamba": {"mamba_n_heads": 8, "mamba_d_head": 8, "mamba_d_state": 16, "attn_layer_indices": [1]},
    # encoders, and the encoders of encoder–decoders
    "bert": {}, "roberta": {}, "distilbert": {}, "electra": {}, "deberta": {}, "deberta-v2": {}, "modernbert": {}, "albert": {},
    "mpnet": {}, "nomic_bert": {}, "convbert": {}, "roformer": {}, "fnet": {}, "xlm-roberta-xl": {}, "t5": {}, "longt5": {},
    "switch_transformers": {}, "bart": {}, "mbart": {}, "pegasus": {}, "marian": {},
}  # fmt: skip


def tiny(kind, seed=0, **options):
    """A tiny random model without its head."""
    import torch
    from transformers import AutoConfig, AutoModel

    config = {key: value for key, value in {**SMALL, **ARCHITECTURES[kind], **options}.items() if value is not None}
    config = AutoConfig.for_model(kind, **config)
    config.use_cache = False
    torch.manual_seed(seed)
    return AutoModel.from_config(config).eval()
