/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* org.varlink.service: what every varlink server tells of itself. Its methods' userdata is the
 * server. */

#include "agentd/varlink.h"

#define VARLINK_SERVICE "org.varlink.service"

extern const struct varlink_interface varlink_service_interface;

/* In varlink_call.c: the standard error InterfaceNotFound. */
int varlink_error_interface(struct varlink_call *call, const char *interface);
