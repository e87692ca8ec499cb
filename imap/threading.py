"""Threads of messages (RFC 5256 §3): ORDEREDSUBJECT and REFERENCES. Pure.

Nothing recurses. Message identifiers are anybody's to choose, so no link is ever made that would close a circle,
and a message that takes another's identifier gets one of its own.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from operator import attrgetter

DEPTH = 500  # messages one below the other


@dataclass(frozen=True, slots=True)
class Sent:
    """A message: `number` is how it is answered."""

    number: int
    moment: int  # sent date in UTC (RFC 5256 §2.2)
    topic: str  # base subject (§2.1)
    reply: bool
    links: tuple[str, ...]  # its identifier ("-": none), then those that it refers to, oldest first


@dataclass(eq=False, slots=True)
class Node:
    """A message in its thread, or (`sent` is None) a place for one that is not here."""

    sent: Sent | None = None
    parent: "Node | None" = None
    children: list["Node"] = field(default_factory=list)

    @property
    def first(self) -> Sent | None:
        """Its message, or that of its first child (RFC 5256 §3: step 4 and 5 B)."""
        node = self
        while node.sent is None and node.children:
            node = node.children[0]
        return node.sent

    def place(self) -> tuple[int, int]:
        sent = self.first
        return (sent.moment, sent.number) if sent else (0, 0)


def ordered_subject(messages: Iterable[Sent]) -> list[Node]:
    """Messages of one base subject are a thread: the first, and the others below it, by date."""
    threads = []
    by_subject = sorted(messages, key=attrgetter("topic", "moment", "number"))
    for _, thread in groupby(by_subject, key=attrgetter("topic")):
        first, *others = (Node(sent) for sent in thread)
        first.children = others
        threads.append(first)
    return sorted(threads, key=Node.place)


def references(messages: Sequence[Sent]) -> list[Node]:
    """By the identifiers that messages refer to, then by subject."""
    top = _prune(_link(messages))
    _sort(top)
    top.sort(key=Node.place)
    top = _gather(top)
    _sort(top)
    return sorted(top, key=Node.place)


def _link(messages: Sequence[Sent]) -> list[Node]:
    """Step 1 and 2: every message and every identifier has a node; those without a parent are returned."""
    nodes: dict[str, Node] = {}
    every: list[Node] = []
    for sent in messages:
        own, *above = sent.links
        node = nodes.get(own) if own != "-" else None
        if node is None or node.sent is not None:
            node = Node()
            every.append(node)
            if own != "-" and own not in nodes:
                nodes[own] = node
        node.sent = sent
        last: Node | None = None
        for ident in above:  # step 1 A
            other = nodes.get(ident)
            if other is None:
                other = nodes[ident] = Node()
                every.append(other)
            if last is not None and other.parent is None and _may_adopt(last, other):
                other.parent = last
            last = other
        # step 1 B: what its own header says counts for more than what others said
        node.parent = None
        if last is not None and _may_adopt(last, node):
            node.parent = last
    for node in every:
        if node.parent is not None:
            node.parent.children.append(node)
    return [node for node in every if node.parent is None]


def _may_adopt(parent: Node, child: Node) -> bool:
    """Whether no circle is closed. What would stand too deep begins a thread of its own."""
    above: Node | None = parent
    for _ in range(DEPTH):
        if above is child:
            return False
        if above is None:
            return True
        above = above.parent
    return False


def _prune(top: Sequence[Node]) -> list[Node]:
    """Step 3: places without a message go; their children move up, but several of them not to the top."""
    for node in _bottom_up(top):
        kept: list[Node] = []
        for child in node.children:
            kept += child.children if child.sent is None else [child]
        for child in kept:
            child.parent = node
        node.children = kept
    pruned: list[Node] = []
    for node in top:
        if node.sent is not None or len(node.children) > 1:
            pruned.append(node)
        else:
            pruned += node.children
    for node in pruned:
        node.parent = None
    return pruned


def _bottom_up(top: Iterable[Node]) -> Iterator[Node]:
    """Every node, after all below it."""
    down: list[Node] = []
    work = list(top)
    while work:
        node = work.pop()
        down.append(node)
        work += node.children
    return reversed(down)


def _sort(top: Iterable[Node]) -> None:
    """Siblings by date, from below, for a place without a message has the date of its first child."""
    for node in _bottom_up(top):
        if len(node.children) > 1:
            node.children.sort(key=Node.place)


def _gather(top: Sequence[Node]) -> list[Node]:
    """Step 5: threads of one subject become one."""
    table: dict[str, Node] = {}
    for node in top:
        sent = node.first
        if sent is None or not sent.topic:
            continue
        known = table.get(sent.topic)
        if known is None or (
            known.sent is not None and (node.sent is None or (_reply(known) and not _reply(node)))
        ):
            table[sent.topic] = node
    gathered: dict[Node, None] = dict.fromkeys(top)
    for node in top:
        sent = node.first
        known = table.get(sent.topic) if sent is not None and sent.topic else None
        if known is None or known is node or sent is None:
            continue
        if known.sent is None:
            known.children += node.children if node.sent is None else [node]
            del gathered[node]
        elif _reply(node) and not _reply(known):
            known.children.append(node)
            del gathered[node]
        else:
            both = Node(children=[known, node])
            table[sent.topic] = both
            del gathered[known], gathered[node]
            gathered[both] = None
    return list(gathered)


def _reply(node: Node) -> bool:
    return node.sent is not None and node.sent.reply


def written(threads: Iterable[Node]) -> bytes:
    """As the THREAD response has them (RFC 5256 §4): a child after its only parent, several in parentheses."""
    out: list[bytes] = []
    for thread in threads:
        work: list[Node | bytes] = [b")", thread, b"("]
        while work:
            one = work.pop()
            if isinstance(one, bytes):
                out.append(one)
                continue
            if one.sent is not None:
                out.append(b"%d" % one.sent.number)
                if one.children:
                    out.append(b" ")
            if len(one.children) == 1:
                work.append(one.children[0])
            else:
                for child in reversed(one.children):
                    work += (b")", child, b"(")
    return b"".join(out)
