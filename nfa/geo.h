/*
 * geo.h: distances on the globe, and the sine, cosine and arc sine they need.
 *
 * libm's functions differ in their last bits from one machine and version to the next, and a condition such as distance > 500 must not.
 * These are made of + - * / and sqrt, which IEEE fixes to the bit.
 */
#ifndef EGRET_NFA_GEO_H
#define EGRET_NFA_GEO_H

#include <stdbool.h>

double nfa_sin(double x);   /* |x| at most 1000; error below 1e-15 for small x */
double nfa_cos(double x);
double nfa_asin(double x);  /* -1 … 1 */

/* Great-circle distance in km of two places in degrees. false: a latitude beyond ±90 or a longitude beyond ±360. */
bool nfa_distance_km(double lat1, double lon1, double lat2, double lon2, double *out_km);

#endif
