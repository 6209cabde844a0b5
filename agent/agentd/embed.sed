# SPDX-License-Identifier: LGPL-2.1-or-later
# A varlink interface's text as a string of a C program.
s/[\\"]/\\&/g
s/.*/"&\\n"/
1i extern const char control_description[];
1i const char control_description[] =
$a ;
