# What a run says on the terminal. No rules. The log file of Snakemake keeps everything in full.
import time

from orrery import console
from snakemake.logging import DefaultFormatter, logger


class ShortFormatter(DefaultFormatter):
    """Snakemake's own, with short reasons and the time left."""

    def format_job_info(self, msg):
        return super().format_job_info({**msg, "reason": console.shortened(str(msg["reason"]))})

    def format_progress(self, msg):
        now = time.monotonic()
        return super().format_progress(msg) + console.time_left(
            now - BEGAN.setdefault("run", now), msg["done"], msg["total"]
        )


BEGAN = {}
if workflow.modifier.is_main_snakefile():
    for handler in logger.handlers:
        if handler.name == "DefaultStreamHandler" and type(handler.formatter) is DefaultFormatter:
            handler.setFormatter(ShortFormatter(handler.formatter.quiet, handler.formatter.show_failed_logs))


# Where starts are limited (100 a second, by default), the scheduler of Snakemake 9.27 looks for jobs again a second after each
# look, and once more for each job that ended: after some hundred jobs it does little else. Only a cluster needs the limit.
onstart:
    BEGAN["run"] = time.monotonic()
    if workflow.local_exec:
        workflow.scheduler.job_rate_limiter = None


onsuccess:
    if any(job.rule.name == "build_atlas" for job in workflow.dag.jobs):
        print(
            *console.summary(rules.summarise.output.table, rules.build_atlas.output.index),
            sep="\n",
            file=sys.stderr,
        )
