/*
 * record.c: values in and out of records. A record is plain bytes: 8 for the value and one beside it for what the plan's
 * type does not say (null; the scale of a decimal). A string goes into the section's bytes and the record holds its place.
 */
#include "nfa/shard.h"

#include <string.h>

nfa_raw nfa_raw_pack(nfa_section *section, unsigned part_bytes, egret_value v)
{
    nfa_raw raw = {0, 0};
    if (v.type == EGRET_NULL) {
        raw.meta = NFA_META_NULL;
        return raw;
    }
    if (v.type != EGRET_STRING) {
        memcpy(&raw.bits, &v.u, sizeof raw.bits);
        raw.meta = v.scale;
        return raw;
    }
    uint32_t offset = 0;
    if (v.len > NFA_CHUNK_BYTES / 2) {
        v.len = NFA_CHUNK_BYTES / 2;
    }
    if (!nfa_bytes_push(section, part_bytes, v.u.s, v.len, &offset)) {
        section->store = NULL;      /* no memory: the caller looks */
        raw.meta = NFA_META_NULL;
        return raw;
    }
    raw.bits = (uint64_t)v.len << 32 | offset;
    return raw;
}

egret_value nfa_raw_unpack(const nfa_section *section, unsigned part_bytes, uint8_t type, uint64_t bits, uint8_t meta)
{
    egret_value v = egret_null();
    if (meta == NFA_META_NULL) {
        return v;
    }
    v.type = type;
    if (type == EGRET_STRING) {
        v.len = (uint32_t)(bits >> 32);
        v.u.s = v.len > 0 ? nfa_bytes_at(section, part_bytes, (uint32_t)bits) : "";
        return v;
    }
    memcpy(&v.u, &bits, sizeof bits);
    v.scale = type == EGRET_DECIMAL ? meta : 0;
    return v;
}
