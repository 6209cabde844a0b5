# SPDX-License-Identifier: LGPL-2.1-or-later
"""What the simulated accounts own: keys (DIR/keys.json) and identities (DIR/credentials). Made once, then kept.

Key ids and access key ids are fixed so that tests can name them; backing keys, secrets and tokens are random in each
DIR. keys.json holds the backing keys as an HSM would: nothing but the simulator reads it.
"""
import base64
import configparser
import json
import os
import secrets
import threading
import time
from dataclasses import dataclass

MAIN_ACCOUNT, OTHER_ACCOUNT = "111122223333", "444455556666"
KEYS = (
    ("11111111-aaaa-4aaa-8aaa-000000000001", "eu-west-1", MAIN_ACCOUNT),
    ("11111111-aaaa-4aaa-8aaa-000000000002", "eu-west-1", MAIN_ACCOUNT),
    ("44444444-bbbb-4bbb-8bbb-000000000003", "eu-west-1", OTHER_ACCOUNT),
    ("44444444-bbbb-4bbb-8bbb-000000000004", "us-east-1", OTHER_ACCOUNT),
    ("11111111-aaaa-4aaa-8aaa-000000000005", "us-east-1", MAIN_ACCOUNT),
)
ALIAS = "alias/luks-kms-main"
NO_DECRYPT = frozenset({"Decrypt", "ReEncrypt"})
# section: access key id, account, has a session token, operations that its policy withholds
IDENTITIES = {
    "default": ("AKIASIMKMSDEFAULT001", MAIN_ACCOUNT, False, frozenset()),
    "other-account": ("AKIASIMKMSOTHERAC001", OTHER_ACCOUNT, False, frozenset()),
    "session": ("ASIASIMKMSSESSION001", MAIN_ACCOUNT, True, frozenset()),
    "expired": ("ASIASIMKMSEXPIRED001", MAIN_ACCOUNT, True, frozenset()),
    "encrypt-only": ("AKIASIMKMSENCONLY001", MAIN_ACCOUNT, False, NO_DECRYPT),
}


@dataclass(frozen=True)
class Identity:
    """A principal: what it signs with, whom it belongs to, what it may not do."""

    name: str
    access_key: str
    secret: str
    token: str
    account: str
    withheld: frozenset

    @property
    def arn(self):
        """The principal's name in a denial."""
        return f"arn:aws:iam::{self.account}:user/{self.name}"

    @property
    def expired(self):
        """True for the identity whose session is over."""
        return self.name == "expired"


@dataclass
class Key:
    """A KMS key and its state."""

    key_id: str
    region: str
    account: str
    backing: bytes
    created: float
    state: str = "Enabled"
    deletion: float = 0.0

    @property
    def arn(self):
        """The key's ARN."""
        return f"arn:aws:kms:{self.region}:{self.account}:key/{self.key_id}"


def write_private(path, text):
    """Replaces a file at one stroke, readable by its owner only."""
    descriptor = os.open(path + ".new", os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as stream:
        stream.write(text)
    os.replace(path + ".new", path)


class KeyStore:
    """The keys, by id; each change is on disk before the answer that tells of it."""

    def __init__(self, directory):
        self.path = f"{directory}/keys.json"
        self.lock = threading.Lock()
        self.aliases = {(ALIAS, KEYS[0][1], KEYS[0][2]): KEYS[0][0]}
        try:
            self.keys = self._load()
        except FileNotFoundError:
            now = int(time.time())
            self.keys = {row[0]: Key(*row, secrets.token_bytes(32), now) for row in KEYS}
            self._save()

    def _load(self):
        with open(self.path, encoding="utf-8") as stream:
            rows = json.load(stream)
        keys = {}
        for key_id, row in rows.items():
            row["backing"] = base64.b64decode(row["backing"])
            keys[key_id] = Key(key_id, **row)
        return keys

    def _save(self):
        rows = {}
        for key in self.keys.values():
            rows[key.key_id] = {
                "region": key.region,
                "account": key.account,
                "state": key.state,
                "created": key.created,
                "deletion": key.deletion,
                "backing": base64.b64encode(key.backing).decode(),
            }
        write_private(self.path, json.dumps(rows, indent=1) + "\n")

    def change(self, key, state, deletion=0.0):
        """Moves a key into a state."""
        with self.lock:
            key.state, key.deletion = state, deletion
            self._save()


def _make_credentials(path):
    text = "# Made by tests/sim/aws-kms: worth nothing outside this directory.\n"
    for section, (access_key, _account, has_token, _withheld) in IDENTITIES.items():
        secret = base64.b64encode(secrets.token_bytes(30)).decode()
        text += f"\n[{section}]\naws_access_key_id = {access_key}\naws_secret_access_key = {secret}\n"
        if has_token:
            text += f"aws_session_token = {base64.b64encode(secrets.token_bytes(288)).decode()}\n"
    write_private(path, text)


def identities(directory):
    """The known identities by access key id, as DIR/credentials gives their secrets."""
    path = f"{directory}/credentials"
    if not os.path.exists(path):
        _make_credentials(path)
    parser = configparser.RawConfigParser()
    with open(path, encoding="utf-8") as stream:
        parser.read_file(stream)
    known = {}
    for section, (access_key, account, _has_token, withheld) in IDENTITIES.items():
        values = parser[section]
        secret, token = values["aws_secret_access_key"], values.get("aws_session_token", "")
        known[access_key] = Identity(section, access_key, secret, token, account, withheld)
    return known
