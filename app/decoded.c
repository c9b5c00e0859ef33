/*
 * decoded.c: see decoded.h.
 */
#include "app/decoded.h"

void decoded_count(ingest_drift *drift, const admission_batch *batch, const admitted_record *record, bool flat)
{
    if (record->reason != INGEST_REASON_NONE) ingest_drift_reject(drift, (ingest_reason)record->reason);
    else if (batch->n % INGEST_DRIFT_EVERY == 0) ingest_drift_look(drift, record->stream, record->raw, record->raw_len, flat);
}

bool decoded_add(ingest_decoder *decoder, ingest_format format, const plan *p, ingest_drift *drift, admission_batch *batch, const ingest_record *record)
{
    egret_text shown;
    egret_text_init(&shown, egret_mem_of(NULL));
    admitted_record copy = {.stream = record->stream, .reason = (uint8_t)record->reason, .slots = record->slots, .raw = record->raw,
                            .raw_len = record->raw_len, .text = record->text, .offset = record->offset, .line = record->line};
    if (record->reason == INGEST_REASON_NONE) {
        copy.text = NULL;
        if (format == INGEST_FORMAT_CSV) {
            ingest_decoder_render(decoder, record->raw, record->raw_len, &shown);
            copy.raw = shown.ptr;
            copy.raw_len = shown.len;
        }
    }
    if (drift && !shown.failed) decoded_count(drift, batch, &copy, format == INGEST_FORMAT_DEBEZIUM);
    bool fine = !shown.failed && admission_batch_add(batch, &copy, record->slots ? p->streams[record->stream].n_slots : 0);
    egret_text_deinit(&shown);
    return fine;
}
