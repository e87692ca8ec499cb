"""What IMAP may be told: parenthesised lists of strings, numbers and atoms, with no line end but in literals."""


def balanced(answer: bytes) -> None:
    depth = at = 0
    while at < len(answer):
        octet = answer[at : at + 1]
        if octet == b'"':
            at += 1
            while answer[at : at + 1] != b'"':
                assert answer[at] not in b"\r\n\0" and answer[at] < 0x80
                at += 2 if answer[at : at + 1] == b"\\" else 1
        elif octet == b"{":
            end = answer.index(b"}\r\n", at)
            size = int(answer[at + 1 : end])
            assert b"\0" not in answer[end + 3 : end + 3 + size]
            at = end + 3 + size - 1
        elif octet == b"(":
            depth += 1
        elif octet == b")":
            depth -= 1
            assert depth >= 0
        else:
            assert octet.isalnum() or octet == b" "
        at += 1
    assert depth == 0
