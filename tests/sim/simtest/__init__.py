# SPDX-License-Identifier: LGPL-2.1-or-later
"""The tests of the simulator, run by tests/sim/selftest."""
