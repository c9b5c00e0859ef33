/*
 * endpoints.c: what handlers keep between requests.
 */
#include "web/endpoints.h"

#include <stdlib.h>
#include <string.h>

static bool copy_names(web_endpoints *endpoints, const plan *p)
{
    endpoints->names = calloc((size_t)p->n_streams + 1, sizeof *endpoints->names);
    for (uint32_t i = 0; endpoints->names && i < p->n_streams; i++) {
        endpoints->names[i] = strndup(p->streams[i].name.ptr, p->streams[i].name.len);
        if (!endpoints->names[i]) return false;
    }
    return endpoints->names != NULL;
}

web_endpoints *web_endpoints_new(const web_backend *backend)
{
    web_endpoints *endpoints = calloc(1, sizeof *endpoints);
    if (!endpoints) return NULL;
    endpoints->backend = backend;
    pthread_mutex_init(&endpoints->numbers_lock, NULL);
    endpoints->decoders = calloc(((size_t)backend->plan->n_streams + backend->plan->n_sources) * 2 + 1, sizeof *endpoints->decoders);
    if (endpoints->decoders && copy_names(endpoints, backend->plan)) return endpoints;
    web_endpoints_free(endpoints);
    return NULL;
}

void web_endpoints_free(web_endpoints *endpoints)
{
    if (!endpoints) return;
    size_t n = endpoints->backend->plan->n_streams, n_decoders = (n + endpoints->backend->plan->n_sources) * 2;
    for (size_t i = 0; endpoints->decoders && i < n_decoders; i++) ingest_decoder_free(endpoints->decoders[i]);
    for (size_t i = 0; endpoints->names && i < n; i++) free(endpoints->names[i]);
    free(endpoints->decoders);
    free(endpoints->names);
    nfa_engine_free(endpoints->routes);
    pthread_mutex_destroy(&endpoints->numbers_lock);
    free(endpoints);
}

void web_endpoints_of(web_endpoints *endpoints, web_server *server)
{
    endpoints->server = server;
}

const web_numbers *endpoints_lock_numbers(web_endpoints *endpoints)
{
    pthread_mutex_lock(&endpoints->numbers_lock);
    endpoints->backend->numbers(endpoints->backend->user, &endpoints->numbers);
    return &endpoints->numbers;
}

void endpoints_unlock_numbers(web_endpoints *endpoints)
{
    pthread_mutex_unlock(&endpoints->numbers_lock);
}
