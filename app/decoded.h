/*
 * decoded.h: a record as the decoder gives it, into a batch for the engine.
 */
#ifndef EGRET_APP_DECODED_H
#define EGRET_APP_DECODED_H

#include "app/admission.h"
#include "ingest/decode.h"
#include "ingest/drift.h"

/* Deep copy; a row of CSV is kept as JSON, with the decoder's header. drift: of the source, NULL: nobody counts. False: no memory, the batch is as it was. */
bool decoded_add(ingest_decoder *decoder, ingest_format format, const plan *p, ingest_drift *drift, admission_batch *batch, const ingest_record *record);
/* What decoded_add counts: of a record that is to be added to the batch. flat: it came out of an envelope. */
void decoded_count(ingest_drift *drift, const admission_batch *batch, const admitted_record *record, bool flat);

#endif
