# SPDX-License-Identifier: LGPL-2.1-or-later
"""The parts of tests/sim/aws-kms, in the order a request meets them.

faults (is this answer to be spoilt?) -> server (TLS, threads) -> wire (HTTP) -> sigv4 (who asks?) -> ops (what KMS
would answer; store and blob hold keys and ciphertext) -> shape (the fault put on the answer) -> wire.
"""
