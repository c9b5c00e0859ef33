/*
 * decoded.h: a record as the decoder gives it, into a batch for the engine.
 */
#ifndef EGRET_APP_DECODED_H
#define EGRET_APP_DECODED_H

#include "app/admission.h"
#include "ingest/decode.h"

/* Deep copy; a row of CSV is kept as JSON, with the decoder's header. False: no memory, the batch is as it was. */
bool decoded_add(ingest_decoder *decoder, ingest_format format, const plan *p, admission_batch *batch, const ingest_record *record);

#endif
