/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Introspection: which interfaces there are, and their texts, so that a client needs no copy of
 * them. The text of org.varlink.service is the specification's. */

#include "agentd/varlink_service.h"

#include "agentd/varlink_peer.h"

static const char service_text[] =
    "# The Varlink Service Interface is provided by every varlink service. It\n"
    "# describes the service and the interfaces it implements.\n"
    "interface org.varlink.service\n"
    "\n"
    "# Get a list of all the interfaces a service provides and information\n"
    "# about the implementation.\n"
    "method GetInfo() -> (\n"
    "  vendor: string,\n"
    "  product: string,\n"
    "  version: string,\n"
    "  url: string,\n"
    "  interfaces: []string\n"
    ")\n"
    "\n"
    "# Get the description of an interface that is implemented by this service.\n"
    "method GetInterfaceDescription(interface: string) -> (description: string)\n"
    "\n"
    "# The requested interface was not found.\n"
    "error InterfaceNotFound (interface: string)\n"
    "\n"
    "# The requested method was not found\n"
    "error MethodNotFound (method: string)\n"
    "\n"
    "# The interface defines the requested method, but the service does not\n"
    "# implement it.\n"
    "error MethodNotImplemented (method: string)\n"
    "\n"
    "# One of the passed parameters is invalid.\n"
    "error InvalidParameter (parameter: string)\n"
    "\n"
    "# Client is denied access\n"
    "error PermissionDenied ()\n"
    "\n"
    "# Method is expected to be called with 'more' set to true, but wasn't\n"
    "error ExpectedMore ()\n";

static void fill_info(struct jsonw *w, void *arg)
{
        const struct varlink_server *server = arg;

        jsonw_string(w, "vendor", "luks-kms");
        jsonw_string(w, "product", "luks-kmsd");
        jsonw_string(w, "version", server->version);
        jsonw_string(w, "url", "");
        jsonw_array(w, "interfaces");
        jsonw_string(w, NULL, VARLINK_SERVICE);
        jsonw_string(w, NULL, server->interface->name);
        jsonw_array_end(w);
}

static int run_info(struct varlink_call *call, const struct json_node *parameters, void *userdata)
{
        (void)parameters;
        return varlink_reply(call, false, fill_info, userdata);
}

static void fill_description(struct jsonw *w, void *arg)
{
        jsonw_string(w, "description", ((const struct varlink_interface *)arg)->description);
}

static int run_description(struct varlink_call *call, const struct json_node *parameters,
                           void *userdata)
{
        const struct varlink_server *server = userdata;
        const struct varlink_interface *known[] = {&varlink_service_interface, server->interface};
        char name[192];

        if (json_string(json_get(parameters, "interface"), name, sizeof(name)) != 0)
                return varlink_error_parameter(call, "interface");
        for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
                if (strcmp(known[i]->name, name) == 0)
                        return varlink_reply(call, false, fill_description,
                                             (void *)(uintptr_t)known[i]);
        return varlink_error_interface(call, name);
}

static const struct varlink_method methods[] = {
    {"GetInfo", VARLINK_ANYBODY, run_info},
    {"GetInterfaceDescription", VARLINK_ANYBODY, run_description},
    {NULL, VARLINK_ANYBODY, NULL},
};

const struct varlink_interface varlink_service_interface = {
    .name = VARLINK_SERVICE, .description = service_text, .methods = methods};
