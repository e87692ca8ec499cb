"""ARC beside another implementation, Perl's Mail::DKIM: it finds of our vectors what we find, and each verifies
what the other has sealed."""

import asyncio
import json
import shutil
import subprocess
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from tests.nameserver import NameServer
from tests.unit.filters.sender_auth.arc_vectors import KEYS, vectors
from tests.unit.filters.sender_auth.keys_of_tests import rsa_key
from tests.unit.filters.sender_auth.test_signatures import BODY, HEAD, looked_at

PERL = """
use strict; use warnings; use JSON::PP; use Net::DNS; use Mail::DKIM::DNS;
use Mail::DKIM::ARC::Verifier; use Mail::DKIM::ARC::Signer; use Mail::DKIM::PrivateKey;
my ($port, $key, @files) = @ARGV;
Mail::DKIM::DNS::resolver(Net::DNS::Resolver->new(
    nameservers => ['127.0.0.1'], port => $port, recurse => 1, udp_timeout => 20, retry => 1));
sub text { open(my $in, '<:raw', $_[0]) or die; local $/; return <$in> }
my %found;
for my $file (@files) {
    my $verifier = Mail::DKIM::ARC::Verifier->new(Strict => 0);
    $verifier->PRINT(text($file)); $verifier->CLOSE;
    $found{$file} = $verifier->result;
    next if $found{$file} ne 'none';
    my $signer = Mail::DKIM::ARC::Signer->new(Algorithm => 'rsa-sha256', Chain => 'none', Domain => 'example.com',
        SrvId => 'mx.example.com', Selector => 'r1', Headers => 'From:To:Subject:Date',
        Key => Mail::DKIM::PrivateKey->load(File => $key));
    $signer->PRINT("Authentication-Results: mx.example.com; arc=none\\r\\n" . text($file)); $signer->CLOSE;
    die $signer->result unless $signer->result eq 'sealed';
    $found{sealed} = join("\\r\\n", $signer->as_strings) . "\\r\\n";
}
print encode_json(\\%found);
"""


def _installed() -> bool:
    command = ["perl", "-MMail::DKIM::ARC::Signer", "-MJSON::PP", "-MNet::DNS", "-e", "1"]
    return shutil.which("perl") is not None and subprocess.run(command, capture_output=True).returncode == 0


needs_perl = pytest.mark.skipif(
    not _installed(), reason="libmail-dkim-perl is not installed (`make test` does it)"
)


@pytest.fixture
async def names() -> AsyncIterator[NameServer]:
    names = await NameServer().start()
    for name, record in KEYS.items():
        text = record.decode()
        names.put(name, "TXT", " ".join(f'"{text[at : at + 255]}"' for at in range(0, len(text), 255)))
    yield names
    await names.stop()


@needs_perl
async def test_both_find_the_same(names: NameServer, tmp_path: Path) -> None:
    files = {}
    for number, vector in enumerate(each for each in vectors() if not each.alone):
        files[str(tmp_path / f"{number}.eml")] = vector
        (tmp_path / f"{number}.eml").write_bytes(vector.message)
    key = tmp_path / "key.pem"
    key.write_bytes(
        rsa_key(2048).private_bytes(Encoding.PEM, PrivateFormat.TraditionalOpenSSL, NoEncryption())
    )
    port = names.address.rpartition(":")[2]
    process = await asyncio.create_subprocess_exec(
        "perl", "-e", PERL, port, str(key), *files, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    out, errors = await process.communicate()
    assert process.returncode == 0, errors.decode()
    found = json.loads(out)
    sealed = found.pop("sealed").encode()
    others = {
        files[file].name: (result, files[file].result)
        for file, result in found.items()
        if result.replace("invalid", "fail") != files[file].result
    }
    assert others == {}
    # what it has sealed, one on top of a message of ours
    assert looked_at(sealed + HEAD, BODY)[1].result == "pass"
