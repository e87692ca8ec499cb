"""The rows of the table, in its order."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from benchmarks import rows_idle, rows_imap, rows_large, rows_mailbox, rows_relay, rows_smtp
from benchmarks.figure import Figure
from benchmarks.server import Server


@dataclass(frozen=True, slots=True)
class Row:
    """`aim` is what kwcmaild wants to reach, of the other's figure or as a bound. `texts`: a full-text index is
    kept up where there is one. The other has none, so the rows that do not ask it are measured without."""

    name: str
    title: str
    aim: str
    run: Callable[[Server], Awaitable[list[Figure]]]
    texts: bool = False


ROWS = (
    Row("deliver", "4 KB, 20 sessions, 20 mailboxes", "2x (3x with two); 1.2 ms CPU", rows_smtp.deliver),
    Row("deliver-one", "4 KB, 20 sessions, one mailbox", "", rows_smtp.deliver_one),
    Row("deliver-many", "4 KB to 10 local recipients", "4x", rows_smtp.deliver_many),
    Row("dot", "from DATA's dot to 250", "below it", rows_smtp.dot),
    Row("large", "100 MB", "no slower; 32 MB above idle", rows_large.large),
    Row("relay", "4 KB to 20 destinations, 10 sessions", "no more CPU", rows_relay.relay),
    Row(
        "relay-signed", "the same, signed by us (DKIM, two keys), not by Postfix", "", rows_relay.relay_signed
    ),
    Row("relay-tls", "4 KB, STARTTLS both ways, 10 sessions", "no more CPU", rows_relay.relay_tls),
    Row("submit", "mail to others, from DATA's dot to 250", "below it", rows_relay.submit),
    Row("queue", "a queue that grows", "5 s; no slower", rows_relay.long_queue),
    Row("append", "APPEND 4 KB, 1 client", "1.5x", rows_imap.append_one),
    Row("append-many", "APPEND 4 KB, 16 clients", "1.5x", rows_imap.append_many),
    Row("login", "login + logout", "no more", rows_imap.login),
    Row("login-tls", "login + logout, TLS", "no more", rows_imap.login_tls),
    Row("flags", "FETCH 1:* (UID FLAGS), 10,000", "no more", rows_imap.flags),
    Row("envelope", "FETCH 1:* (ENVELOPE), 10,000", "1/5 cold, 1/2 warm", rows_imap.envelope),
    Row("select", "SELECT of 10,000 and 100,000", "no more; 2x on the same connection", rows_mailbox.select),
    Row("fetch", "FETCH 1:*, 100,000", "1/5 cold; 1/3 and no more warm", rows_mailbox.fetch),
    Row("bodies", "BODY[] at random, 10,000", "2x", rows_mailbox.bodies),
    Row("store", "STORE, 10,000", "no more one by one; 3x as a range", rows_mailbox.store),
    Row("copy", "COPY, MOVE, EXPUNGE of 1,000", "no more, no more, 2x", rows_mailbox.copy),
    Row("folders", "STATUS of 50, LIST of 1,000", "no more", rows_mailbox.folders),
    Row("search-subject", "SEARCH SUBJECT, 10,000", "1/5 cold; no more warm", rows_mailbox.search_subject),
    Row("search-text", "SEARCH TEXT, 10,000 of 75 MB", "1/10", rows_mailbox.search_text, texts=True),
    Row("mix", "50 clients at once", "no more CPU", rows_mailbox.mix, texts=True),
    Row("idle", "3,000 clients in IDLE, memory", "12 KB", rows_idle.idle),
    Row("idle-shared", "5,000 clients in IDLE on 50 accounts", "12 KB", rows_idle.idle_shared),
    Row("idle-shared-tls", "the same over TLS", "35 KB", rows_idle.idle_shared_tls),
    Row("idle-own", "3,000 clients in IDLE on 3,000 accounts", "12 KB", rows_idle.idle_own),
    Row("idle-own-tls", "the same over TLS", "35 KB", rows_idle.idle_own_tls),
    Row("exists", "from 250 to EXISTS in IDLE", "10 ms", rows_idle.exists),
)
