"""Configs with odd values: each is right or gets sentences, at once; never a traceback, never an endless loop."""

from fuzzing import changes, tried
from hypothesis import HealthCheck, given, settings

MUTANTS = 200


@settings(max_examples=MUTANTS, deadline=None, derandomize=True, database=None, suppress_health_check=list(HealthCheck))
@given(text=changes())
def test_an_odd_config_is_right_or_gets_sentences(text, tmp_path_factory):
    tried(text, tmp_path_factory.getbasetemp())
