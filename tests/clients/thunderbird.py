"""Thunderbird without a window: a profile made by prefs.js, steered by Marionette on a loopback port.

The profile keeps every folder offline in Maildirs. Nothing but our own loopback ports can be reached: every
other connection is sent to a SOCKS port on which nobody listens, names are never asked for, and
MOZ_DISABLE_NONLOCAL_CONNECTIONS makes Thunderbird end at once should it try all the same.
"""

import json
import os
import socket
import subprocess
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tests.clients.daemons import HOST, Daemons, Login
from tests.ports import reserved

PROGRAM = "thunderbird"
SOCKET_TYPES = {"plain": 0, "starttls": 2, "implicit": 3}

QUIET = {
    "app.update.enabled": False,
    "app.update.auto": False,
    "app.normandy.enabled": False,
    "app.shield.optoutstudies.enabled": False,
    "browser.safebrowsing.downloads.enabled": False,
    "browser.safebrowsing.malware.enabled": False,
    "browser.safebrowsing.phishing.enabled": False,
    "browser.region.network.url": "",
    "browser.region.update.enabled": False,
    "datareporting.healthreport.uploadEnabled": False,
    "datareporting.policy.dataSubmissionEnabled": False,
    "extensions.blocklist.enabled": False,
    "extensions.getAddons.cache.enabled": False,
    "extensions.update.enabled": False,
    "extensions.systemAddon.update.enabled": False,
    "mail.inappnotifications.enabled": False,
    "mail.provider.enabled": False,
    "mail.rights.version": 1,
    "mail.shell.checkDefaultClient": False,
    "mail.spotlight.firstRunDone": True,
    "mail.startup.enabledMailCheckOnce": True,
    "mailnews.start_page.enabled": False,
    "mailnews.start_page_override.mstone": "ignore",
    "media.gmp-manager.updateEnabled": False,
    "network.captive-portal-service.enabled": False,
    "network.connectivity-service.enabled": False,
    "network.dns.disablePrefetch": True,
    "network.http.speculative-parallel-limit": 0,
    "network.proxy.no_proxies_on": "localhost, 127.0.0.1",
    "network.proxy.socks": "127.0.0.1",
    "network.proxy.socks_port": 9,
    "network.proxy.socks_remote_dns": True,
    "network.proxy.type": 1,
    "network.trr.mode": 5,
    "security.OCSP.enabled": 0,
    "security.remote_settings.crlite_filters.enabled": False,
    "services.settings.server": "data:,#remote-settings-dummy/v1",
    "toolkit.telemetry.enabled": False,
    "toolkit.telemetry.server": "",
    "toolkit.telemetry.unified": False,
}


def preferences(daemons: Daemons, accounts: Mapping[str, Login], marionette: int) -> str:
    """prefs.js of a profile with an account for each way of TLS."""
    names = [f"account{number}" for number in range(len(accounts) + 1)]  # account0: the local folders
    values: dict[str, Any] = {
        **QUIET,
        "marionette.port": marionette,
        "mail.accountmanager.accounts": ",".join(names),
        "mail.accountmanager.defaultaccount": "account1",
        "mail.accountmanager.localfoldersserver": "server0",
        "mail.account.account0.server": "server0",
        "mail.server.server0.type": "none",
        "mail.server.server0.hostname": "Local Folders",
        "mail.server.server0.userName": "nobody",
        "mail.server.default.offline_download": True,
        "mailnews.auto_config_url": "",
    }
    for number, (way, login) in enumerate(accounts.items(), 1):
        server = f"mail.server.server{number}."
        values |= {
            f"mail.account.account{number}.identities": f"id{number}",
            f"mail.account.account{number}.server": f"server{number}",
            f"mail.identity.id{number}.fullName": login.local,
            f"mail.identity.id{number}.useremail": login.address,
            f"mail.identity.id{number}.valid": True,
            server + "type": "imap",
            server + "hostname": HOST,
            server + "port": daemons.port("imap", way),
            server + "socketType": SOCKET_TYPES[way],
            server + "authMethod": 3,  # a password as it is
            server + "userName": login.address,
            server + "name": login.address,
            server + "login_at_startup": False,  # it has no password yet: see SIGN_IN
            server + "check_new_mail": False,
            server + "offline_download": True,
            server + "autosync_offline_stores": True,
            server + "storeContractID": "@mozilla.org/msgstore/maildirstore;1",
        }
    return "".join(f"user_pref({json.dumps(key)}, {json.dumps(value)});\n" for key, value in values.items())


class Marionette:
    """The remote control of Mozilla's programs: `length:[0, id, command, parameters]` over TCP."""

    def __init__(self, port: int) -> None:
        self._socket = socket.create_connection(("127.0.0.1", port), timeout=240)
        self._file = self._socket.makefile("rb")
        self._number = 0
        self._receive()  # who it is
        self("WebDriver:NewSession", {})
        self("Marionette:SetContext", {"value": "chrome"})

    def __call__(self, command: str, parameters: dict[str, Any]) -> Any:
        self._number += 1
        data = json.dumps([0, self._number, command, parameters]).encode()
        self._socket.sendall(str(len(data)).encode() + b":" + data)
        _, number, error, result = self._receive()
        assert number == self._number and error is None, error
        return result

    def run(self, script: str, *arguments: object, timeout: float = 180) -> Any:
        """An asynchronous function's body, run inside the program; what it returns."""
        self("WebDriver:SetTimeouts", {"script": int(timeout * 1000)})
        body = (
            "const done = arguments[arguments.length - 1]; const given = [...arguments].slice(0, -1);"
            f"(async (...args) => {{ {script} }})(...given)"
            ".then(value => done({value}), error => done({error: `${error} ${error.stack}`}))"
        )
        parameters = {"script": body, "args": list(arguments), "newSandbox": True, "sandbox": "system"}
        answer = self("WebDriver:ExecuteAsyncScript", parameters)["value"]
        assert "error" not in answer, answer["error"]
        return answer.get("value")

    def _receive(self) -> Any:
        length = b""
        while (octet := self._file.read(1)) != b":":
            assert octet, "Thunderbird has ended"
            length += octet
        return json.loads(self._file.read(int(length)))


# What the scripts share: Thunderbird's services, and a promise for an operation with a listener.
COMMON = """
    const {MailServices} = ChromeUtils.importESModule("resource:///modules/MailServices.sys.mjs");
    const {setTimeout} = ChromeUtils.importESModule("resource://gre/modules/Timer.sys.mjs");
    const listened = start => new Promise((resolve, reject) => start({
        OnStartRunningUrl() {},
        OnStopRunningUrl(url, status) { status ? reject(new Error(`${url.spec}: ${status}`)) : resolve(); },
        onStartCopy() {}, onProgress() {}, setMessageKey() {}, getMessageId() {},
        onStopCopy(status) { status ? reject(new Error(`copy: ${status}`)) : resolve(); },
        QueryInterface: ChromeUtils.generateQI(["nsIUrlListener", "nsIMsgCopyServiceListener"]),
    }));
    const until = async condition => {
        while (!condition()) { await new Promise(resolve => setTimeout(resolve, 50)); }
    };
    const root = number => MailServices.accounts.getIncomingServer(`server${number}`).rootFolder;
    const inbox = number => root(number).getFolderWithFlags(Ci.nsMsgFolderFlags.Inbox);
    const update = folder => listened(listener =>
        folder.QueryInterface(Ci.nsIMsgImapMailFolder).updateFolderWithListener(null, listener));
"""

SIGN_IN = """
    const [users, password, authority] = args;
    for (const user of users) {
        const login = Cc["@mozilla.org/login-manager/loginInfo;1"].createInstance(Ci.nsILoginInfo);
        login.init("imap://localhost", null, "imap://localhost", user, password, "", "");
        await Services.logins.addLoginAsync(login);
    }
    const certificates = Cc["@mozilla.org/security/x509certdb;1"].getService(Ci.nsIX509CertDB);
    certificates.addCertFromBase64(authority, "CTu,,");
"""


class Thunderbird:
    """A profile with an account for each way of TLS, signed in; runs until `close`."""

    def __init__(self, daemons: Daemons, accounts: Mapping[str, Login], profile: Path) -> None:
        profile.mkdir()
        port = reserved()
        (profile / "prefs.js").write_text(preferences(daemons, accounts, port))
        self._output = (profile / "output").open("wb")
        options = ["--headless", "--no-remote", "--marionette", "--remote-allow-system-access"]
        self.process = subprocess.Popen(
            ["setpriv", "--pdeathsig", "KILL", PROGRAM, *options, "--profile", str(profile)],
            stdout=self._output,
            stderr=subprocess.STDOUT,
            env=environment(profile),
            cwd=profile,
            start_new_session=True,
        )
        try:
            self._control = self._connect(port)
            authority = daemons.demo.ca.read_text().split("-----")[2].replace("\n", "")
            users = [login.address for login in accounts.values()]
            password = next(iter(accounts.values())).password
            self.run(SIGN_IN, users, password, authority)
        except BaseException:
            self.close()
            raise

    def run(self, script: str, *arguments: object, timeout: float = 180) -> Any:
        return self._control.run(COMMON + script, *arguments, timeout=timeout)

    def close(self) -> None:
        if self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(15)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait(5)
        self._output.close()

    def _connect(self, port: int) -> Marionette:
        """It says on no channel when it listens: so ask until it does."""
        end = time.monotonic() + 180
        while True:
            try:
                return Marionette(port)
            except ConnectionRefusedError:
                assert self.process.poll() is None, "Thunderbird has ended"
                assert time.monotonic() < end, "Thunderbird does not listen"
                time.sleep(0.1)


def environment(home: Path) -> dict[str, str]:
    return {
        "HOME": str(home),
        "PATH": os.environ["PATH"],
        "LC_ALL": "C.UTF-8",
        "MOZ_HEADLESS": "1",
        "MOZ_CRASHREPORTER_DISABLE": "1",
        "MOZ_DISABLE_NONLOCAL_CONNECTIONS": "1",
    }
