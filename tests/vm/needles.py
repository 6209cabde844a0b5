# SPDX-License-Identifier: LGPL-2.1-or-later
"""The byte strings by which a volume's keys would betray themselves in a machine's memory.

tests/vm/memory searches for them. All is computed on the host, from the disk's image and the KMS,
by other programs than ours: botocore asks, OpenSSL decrypts and derives. Each string is 16 bytes
or more of something whole, as who frees memory may write a pointer into its first bytes, its middle
or its end.
"""

import base64
import hashlib
import hmac
import json
import pathlib
import subprocess
import tempfile

import botocore.session
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

SECTOR = 512
AREA_SIZE = 1 << 14


def _sbox():
    """FIPS 197's substitution box, by way of logarithms to the base 3."""
    power, logarithm = [0] * 256, [0] * 256
    x = 1
    for i in range(255):
        power[i], logarithm[x] = x, i
        x ^= (x << 1) ^ (0x11B if x & 0x80 else 0)
    box = []
    for i in range(256):
        b = power[(255 - logarithm[i]) % 255] if i else 0
        turned = b | b << 8
        box.append((b ^ turned >> 4 ^ turned >> 5 ^ turned >> 6 ^ turned >> 7) & 0xFF ^ 0x63)
    return box


SBOX = _sbox()


def _times(a, b):
    """The product in AES's field."""
    product = 0
    while b:
        if b & 1:
            product ^= a
        a = (a << 1) ^ (0x11B if a & 0x80 else 0)
        b >>= 1
    return product


def round_keys(key):
    """AES-256's 15 round keys, as encryption uses them."""
    words = [key[i : i + 4] for i in range(0, 32, 4)]
    constant = 1
    for i in range(8, 60):
        word = words[-1]
        if i % 8 == 0:
            word = bytes(SBOX[b] for b in word[1:] + word[:1])
            word = bytes([word[0] ^ constant]) + word[1:]
            constant = _times(constant, 2)
        elif i % 8 == 4:
            word = bytes(SBOX[b] for b in word)
        words.append(bytes(a ^ b for a, b in zip(words[-8], word)))
    return [b"".join(words[i : i + 4]) for i in range(0, 60, 4)]


def for_decryption(block):
    """A round key as the CPU's instructions want it to decrypt: InvMixColumns."""
    out = []
    for i in range(0, 16, 4):
        column = block[i : i + 4]
        for row in range(4):
            factors = (14, 11, 13, 9)
            value = 0
            for j in range(4):
                value ^= _times(column[(row + j) % 4], factors[j])
            out.append(value)
    return bytes(out)


def _swapped(block):
    """The same words in the other byte order."""
    return b"".join(block[i : i + 4][::-1] for i in range(0, 16, 4))


def schedule(key):
    """What to find of an expanded key beyond the key itself, (what, bytes) each."""
    keys = round_keys(key)
    found = [(f"round key {i}", keys[i]) for i in (2, 5, 8, 11, 14)]
    found += [(f"round key {i} to decrypt", for_decryption(keys[i])) for i in (1, 4, 8, 12)]
    return found + [(f"{what}, words turned", _swapped(block)) for what, block in found]


def aes_key(key):
    """A key of AES-256 and its schedule."""
    windows = [(f"bytes {i} to {i + 15}", key[i : i + 16]) for i in (0, 8, 16)]
    return windows + schedule(key)


def short_key(key):
    """A secret of 32 bytes, as it is and in the forms in which text carries it."""
    text, digits = base64.b64encode(key), key.hex().encode()
    return [
        *((f"bytes {i} to {i + 15}", key[i : i + 16]) for i in (0, 8, 16)),
        *((f"base64 from {i}", text[i : i + 20]) for i in (0, 12, 20)),
        *((f"hex from {i}", form[i : i + 32]) for i in (0, 32) for form in (digits, digits.upper())),
    ]


class Volume:
    """The secrets of one volume, read from its disk's image with the help of the KMS."""

    def __init__(self, image, endpoint, sim):
        self.image = image
        self.header = self._read_header()
        token = next(t for t in self.header["tokens"].values() if t["type"] == "luks-kms")
        self.uuid = token_uuid = self._uuid()
        self.slot = self.header["keyslots"][token["keyslots"][0]]
        self.secret = self._ask(endpoint, sim, token, token_uuid)
        self.passphrase = self._derive(b"luks-kms v1 keyslot")
        self.mac_key = self._derive(b"luks-kms v1 header-mac")
        kdf = self.slot["kdf"]
        self.slot_key = hashlib.pbkdf2_hmac(
            kdf["hash"], self.passphrase, base64.b64decode(kdf["salt"]), kdf["iterations"],
            self.slot["area"]["key_size"],
        )  # fmt: skip
        self.volume_key = self._volume_key()
        self.split = self._split_key()
        if self._merged() != self.volume_key:
            raise ValueError("the keyslot's own key is not what was derived")

    def _read_header(self):
        with open(self.image, "rb") as image:
            area = image.read(AREA_SIZE)
        return json.loads(area[4096:].split(b"\0", 1)[0])

    def _uuid(self):
        with open(self.image, "rb") as image:
            return image.read(4096)[168:208].rstrip(b"\0").decode()

    def _ask(self, endpoint, sim, token, uuid):
        session = botocore.session.Session()
        session.set_config_variable("credentials_file", f"{sim}/credentials")
        client = session.create_client(
            "kms", "eu-west-1", endpoint_url=endpoint, verify=f"{sim}/ca.pem"
        )
        context = {"uuid": uuid, "role": token["role"], "use": "keyslot"}
        return client.decrypt(
            KeyId=token["key"].removeprefix("aws-kms://"),
            CiphertextBlob=base64.b64decode(token["wrapped"]),
            EncryptionContext={f"luks-kms:{name}": value for name, value in context.items()},
        )["Plaintext"]

    def _derive(self, info):
        """HKDF-SHA256 for 32 bytes."""
        extracted = hmac.digest(self.uuid.encode(), self.secret, "sha256")
        return hmac.digest(extracted, info + b"\1", "sha256")

    def _volume_key(self):
        with tempfile.TemporaryDirectory(prefix="luks-kms-keys-") as folder:
            passphrase, key = pathlib.Path(folder, "passphrase"), pathlib.Path(folder, "key")
            passphrase.write_bytes(self.passphrase)
            subprocess.run(
                ["cryptsetup", "luksDump", "--batch-mode", "--dump-volume-key",
                 "--key-file", passphrase, "--volume-key-file", key, self.image],
                stdout=subprocess.DEVNULL, check=True,
            )  # fmt: skip
            return key.read_bytes()

    def _split_key(self):
        """The anti-forensic form of the volume key, decrypted from the keyslot's area."""
        length = self.slot["key_size"] * self.slot["af"]["stripes"]
        split = b""
        with open(self.image, "rb") as image:
            image.seek(int(self.slot["area"]["offset"]))
            for number in range(length // SECTOR):
                tweak = modes.XTS(number.to_bytes(16, "little"))
                cipher = Cipher(algorithms.AES(self.slot_key), tweak).decryptor()
                split += cipher.update(image.read(SECTOR))
        return split

    def _merged(self):
        """The volume key out of its split form: proof that the keyslot's own key is right."""
        size = self.slot["key_size"]
        block = bytes(size)
        for start in range(0, len(self.split) - size, size):
            block = bytes(a ^ b for a, b in zip(block, self.split[start : start + size]))
            block = b"".join(
                hashlib.new(self.slot["af"]["hash"], n.to_bytes(4, "big") + block[32 * n :][:32]).digest()
                for n in range(size // 32)
            )
        return bytes(a ^ b for a, b in zip(block, self.split[-size:]))

    def unlock_bytes(self):
        """The bytes in which unlock_needles() are found."""
        text = [b" ".join([base64.b64encode(key), key.hex().encode(), key.hex().upper().encode()])
                for key in (self.secret, self.passphrase, self.mac_key)]  # fmt: skip
        return b"".join([self.secret, self.passphrase, self.mac_key, self.slot_key, self.split, *text])

    def key_needles(self):
        """Of the volume key: what an open volume has."""
        return [
            (f"volume key {half}, {what}", needle)
            for half, key in (("A", self.volume_key[:32]), ("B", self.volume_key[32:]))
            for what, needle in aes_key(key)
        ]

    def unlock_needles(self):
        """Of what leads to the volume key, which nobody needs once the volume is open."""
        named = [("keyslot secret", short_key(self.secret))]
        named += [("keyslot passphrase", short_key(self.passphrase))]
        named += [("MAC key", short_key(self.mac_key))]
        for half, start in (("A", 0), ("B", 32)):
            named += [(f"keyslot's own key {half}", aes_key(self.slot_key[start : start + 32]))]
        step = len(self.split) // 16
        places = [(f"from {i}", self.split[i : i + 16]) for i in range(0, len(self.split), step)]
        named += [("split key", places)]
        return [(f"{name}, {what}", needle) for name, list_ in named for what, needle in list_]
