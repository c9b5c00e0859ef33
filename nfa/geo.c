/*
 * geo.c: sine, cosine, arc sine and the haversine formula in plain IEEE arithmetic.
 *
 * Sine and cosine: the argument is brought into -π/4 … π/4 by taking away a whole number of quarter turns (π/2 in two parts, so that
 * the difference keeps its digits), then the Taylor polynomial is long enough that the first term left out is below 1e-16.
 * Arc sine: a short polynomial for a first guess, then two Newton steps on the sine above, which square its error each. Near 1, where the
 * slope of the sine vanishes, the half-angle identity leads back to small arguments.
 */
#include "nfa/geo.h"

#include <math.h>

static const double half_pi = 1.5707963267948966;
/* π/2 as a sum: the first part has 33 bits, so that its product with a small whole number is exact. */
static const double half_pi_high = 0x1.921fb544p+0;
static const double half_pi_low = 0x1.0b4611a626331p-34;
static const double earth_radius_km = 6371.0088;

/* For |x| <= π/4. */
static double sin_small(double x)
{
    double s = x * x;
    double p = 1.0 / 355687428096000.0;                                 /* 1/17! */
    p = p * s - 1.0 / 1307674368000.0;
    p = p * s + 1.0 / 6227020800.0;
    p = p * s - 1.0 / 39916800.0;
    p = p * s + 1.0 / 362880.0;
    p = p * s - 1.0 / 5040.0;
    p = p * s + 1.0 / 120.0;
    p = p * s - 1.0 / 6.0;
    return x + x * s * p;
}

static double cos_small(double x)
{
    double s = x * x;
    double p = 1.0 / 20922789888000.0;                                  /* 1/16! */
    p = p * s - 1.0 / 87178291200.0;
    p = p * s + 1.0 / 479001600.0;
    p = p * s - 1.0 / 3628800.0;
    p = p * s + 1.0 / 40320.0;
    p = p * s - 1.0 / 720.0;
    p = p * s + 1.0 / 24.0;
    p = p * s - 0.5;
    return 1.0 + s * p;
}

/* What is left of x after whole quarter turns, and how many of them, modulo 4. */
static double quarter_turns(double x, int *quadrant)
{
    double turns = floor(x / half_pi + 0.5);
    *quadrant = (int)(turns - 4.0 * floor(turns / 4.0));
    return x - turns * half_pi_high - turns * half_pi_low;
}

double nfa_sin(double x)
{
    int quadrant;
    double r = quarter_turns(x, &quadrant);
    double v = quadrant % 2 == 0 ? sin_small(r) : cos_small(r);
    return quadrant < 2 ? v : -v;
}

double nfa_cos(double x)
{
    int quadrant;
    double r = quarter_turns(x, &quadrant);
    double v = quadrant % 2 == 0 ? cos_small(r) : sin_small(r);
    return quadrant == 0 || quadrant == 3 ? v : -v;
}

/* For 0 <= x <= 1/2. */
static double asin_small(double x)
{
    double s = x * x;
    double y = x + x * s * (1.0 / 6.0 + s * (3.0 / 40.0 + s * (15.0 / 336.0)));
    for (int i = 0; i < 2; i++)
        y -= (sin_small(y) - x) / cos_small(y);
    return y;
}

double nfa_asin(double x)
{
    double a = fabs(x);
    double y = a <= 0.5 ? asin_small(a) : half_pi - 2.0 * asin_small(sqrt((1.0 - a) / 2.0));
    return x < 0 ? -y : y;
}

bool nfa_distance_km(double lat1, double lon1, double lat2, double lon2, double *out_km)
{
    if (!(fabs(lat1) <= 90 && fabs(lat2) <= 90 && fabs(lon1) <= 360 && fabs(lon2) <= 360))
        return false;
    double radian = half_pi / 90.0;
    double north = nfa_sin((lat2 - lat1) * radian / 2.0);
    double east = nfa_sin((lon2 - lon1) * radian / 2.0);
    double h = north * north + nfa_cos(lat1 * radian) * nfa_cos(lat2 * radian) * east * east;
    *out_km = 2.0 * earth_radius_km * nfa_asin(h < 1.0 ? sqrt(h) : 1.0);
    return true;
}
