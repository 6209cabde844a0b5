/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The unit of a mount point, against what systemd-escape --path --suffix=mount prints. */

#include "unit.h"

#include <errno.h>

#include "agentd/dependants.h"

static const struct {
        const char *path, *unit;
} rows[] = {
    {"/", "-.mount"},
    {"/srv", "srv.mount"},
    {"/srv/data", "srv-data.mount"},
    {"//srv///data/", "srv-data.mount"},
    {"/srv/my-data", "srv-my\\x2ddata.mount"},
    {"/.hidden/x", "\\x2ehidden-x.mount"},
    {"/srv/.hidden", "srv-.hidden.mount"},
    {"/srv/a.b", "srv-a.b.mount"},
    {"/a:b_c", "a:b_c.mount"},
    {"/with space", "with\\x20space.mount"},
    {"/back\\slash", "back\\x5cslash.mount"},
    {"/\xc3\xa4", "\\xc3\\xa4.mount"},
    {"/a\nb", "a\\x0ab.mount"},
};

static void test_names(void **state)
{
        char unit[256];

        (void)state;
        for (size_t i = 0; i < LENGTH(rows); i++) {
                assert_int_equal(dependants_mount_unit(rows[i].path, unit, sizeof(unit)), 0);
                assert_string_equal(unit, rows[i].unit);
        }
}

/* Each size that is too small is refused, and the first that is not has room for all. */
static void test_room(void **state)
{
        char unit[64];

        (void)state;
        for (size_t i = 0; i < LENGTH(rows); i++)
                for (size_t size = 1; size < sizeof(unit); size++) {
                        const int r = dependants_mount_unit(rows[i].path, unit, size);

                        ROW_ASSERT(r == (size > strlen(rows[i].unit) ? 0 : -ENAMETOOLONG),
                                   rows[i].unit);
                }
}

int main(void)
{
        const struct CMUnitTest tests[] = {cmocka_unit_test(test_names),
                                           cmocka_unit_test(test_room)};

        return cmocka_run_group_tests(tests, NULL, NULL);
}
