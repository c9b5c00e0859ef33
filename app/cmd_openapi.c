/*
 * cmd_openapi.c: `egret openapi`: the OpenAPI document of this binary's API, as GET /v1/openapi.json gives it.
 */
#include "app/command.h"
#include "web/backend.h"
#include "web/openapi.h"

#include <stdio.h>
#include <stdlib.h>

static const app_option options[] = {{0}};

static int run(app_args *args)
{
    size_t len;
    char *text = openapi_text(web_routes, &len);
    if (!text) return app_trouble(args, "no memory");
    fwrite(text, 1, len, stdout);
    putchar('\n');
    free(text);
    return APP_FINE;
}

const app_command app_cmd_openapi = {
    .name = "openapi",
    .summary = "Prints the OpenAPI document of the appliance's API",
    .options = options,
    .run = run,
};
