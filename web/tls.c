/*
 * tls.c: does the client of a connection show a certificate that we trust? The library asks for one and leaves the judgement to us.
 */
#include "web/server_internal.h"

#include <gnutls/gnutls.h>
#include <gnutls/x509.h>

bool tls_is_there(void)
{
    return MHD_is_feature_supported(MHD_FEATURE_TLS) == MHD_YES;
}

bool tls_client_is_known(struct MHD_Connection *mhd)
{
    const union MHD_ConnectionInfo *info = MHD_get_connection_info(mhd, MHD_CONNECTION_INFO_GNUTLS_SESSION);
    unsigned status = 0, n = 0;
    if (!info || !info->tls_session) return false;
    gnutls_session_t session = info->tls_session;
    if (!gnutls_certificate_get_peers(session, &n) || n == 0) return false;
    return gnutls_certificate_verify_peers2(session, &status) == 0 && status == 0;
}
