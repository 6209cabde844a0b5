/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Why no answer came, in words; private to agent/net. */

#include <curl/curl.h>

#include "base/diag.h"

/* The HTTP_E_... (or -ENOMEM) for a curl result that is not CURLE_OK, with one sentence and advice
 * in diag. detail: curl's error buffer, may be empty. */
int http_error(CURLcode code, const char *detail, const char *url, struct diag *diag);
