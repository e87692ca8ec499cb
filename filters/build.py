"""Which checks there are, in which order: the whole composition of the pipeline."""

from config.settings import Settings
from filters.check import Checks
from filters.dnsbl import Dnsbl
from filters.greylist import Greylist
from filters.pipeline import Closes, Pipeline
from filters.sender_auth.check import SenderAuth
from filters.sender_auth.signing import Signing
from filters.spam.builtin import Builtin
from filters.spam.check import Spam
from filters.submission import Submission
from filters.virus import Virus
from net.metrics import Metrics
from net.resolver import Resolver
from storage.queue.queue import Queue
from storage.state.bayes import Bayes
from storage.state.dmarc_results import DmarcResults
from storage.state.greylist import Greylist as GreylistMemory
from storage.store import Store


def build(
    settings: Settings,
    store: Store,
    queue: Queue | None = None,
    resolver: Resolver | None = None,
    dmarc: DmarcResults | None = None,
    metrics: Metrics | None = None,
) -> Pipeline:
    """The pipeline of a process; with the queue and the resolver that the process has already, if it has them, and
    with what counts DMARC's results where mail comes in."""
    opened: list[Closes] = []
    if queue is None:
        queue = Queue.of(store)
        opened.append(queue)
    resolver = resolver or Resolver(settings.resolver.nameservers)
    sender_auth = SenderAuth(lambda: pipeline.settings.filters.sender_auth, resolver, store.run, dmarc)
    dnsbl = Dnsbl(lambda: pipeline.settings.filters.dnsbl, resolver)
    memory = GreylistMemory(settings.data / "state")
    greylist = Greylist(lambda: pipeline.settings.filters.greylist, memory, store.run)
    virus = Virus(lambda: pipeline.settings.filters.virus, store.run, metrics)
    bayes = Bayes(settings.data / "state", store.clock)
    spam = Spam(lambda: pipeline.settings.filters.spam, Builtin(bayes), store.hop, metrics)
    opened += [memory, bayes]
    judges = (dnsbl, greylist, sender_auth, virus)
    incoming = Checks(judges, (spam,), store.traces, metrics, lambda: pipeline.settings.filters.order)
    signing = Signing(settings.domains, store.directory.domain)
    outgoing = Checks((Submission(store, queue, signing), virus), (), store.traces, metrics)
    pipeline = Pipeline(settings, store, queue, incoming, outgoing, signing, resolver=resolver, opened=opened)
    return pipeline
