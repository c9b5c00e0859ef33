/*
 * assets.h: files that stand in the binary; the build makes bytes of them (web/embed.cmake).
 */
#ifndef EGRET_WEB_ASSETS_H
#define EGRET_WEB_ASSETS_H

#include <stddef.h>

typedef struct web_asset {
    const char *bytes;
    size_t len;
} web_asset;

extern const web_asset web_asset_schemas;       /* schemas.json */
extern const web_asset web_asset_console_html, web_asset_console_css, web_asset_console_js;     /* console/ */

#endif
