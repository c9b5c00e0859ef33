/*
 * endpoint_console.c: the console: three files that stand in the binary. They have no secrets; what they show they ask the API for.
 *
 * The page may load its own script and style and ask its own server, and nothing else: no markup that comes in through an event or a rule's text
 * could do anything, were it ever to be shown as markup.
 */
#include "web/assets.h"
#include "web/endpoints.h"

static const char policy[] = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src data:; base-uri 'none'; "
                             "form-action 'none'; frame-ancestors 'none'";

static void answer_asset(const web_asset *asset, const char *content_type, web_response *response)
{
    web_response_text(response, 200, content_type, asset->bytes, asset->len);
    response->policy = policy;
}

static void answer_page(void *app, const web_request *request, web_response *response)
{
    (void)app, (void)request;
    answer_asset(&web_asset_console_html, "text/html; charset=utf-8", response);
}

static void answer_style(void *app, const web_request *request, web_response *response)
{
    (void)app, (void)request;
    answer_asset(&web_asset_console_css, "text/css; charset=utf-8", response);
}

static void answer_script(void *app, const web_request *request, web_response *response)
{
    (void)app, (void)request;
    answer_asset(&web_asset_console_js, "text/javascript; charset=utf-8", response);
}

const web_route web_routes_console[] = {
    {"GET", "/", answer_page, "the console", .gives = "200 text/html"},
    {"GET", "/console.css", answer_style, "its style", .gives = "200 text/css"},
    {"GET", "/console.js", answer_script, "its script", .gives = "200 text/javascript"},
    {0},
};
