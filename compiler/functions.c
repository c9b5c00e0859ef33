/*
 * functions.c: the table of functions, in the order of egret_function_id. The reference prints it; the checker reads it;
 * adding a function is a row here, a number in functions.h and its code in nfa/functions.c.
 */
#include "compiler/functions.h"

#define ANY EGRET_T_ANY
#define NUMERIC EGRET_T_NUMERIC
#define ORDERED EGRET_T_ORDERED
#define STRING EGRET_T(EGRET_STRING)
#define TIME EGRET_T(EGRET_TIME)
#define INT EGRET_T(EGRET_INT)
#define BOOL EGRET_T(EGRET_BOOL)
#define SPAN EGRET_T(EGRET_DURATION)

#define FIRST .rule = EGRET_RESULT_FIRST
#define SAME(from) .rule = EGRET_RESULT_SAME, .same_from = (from)
#define FIXED(type) .rule = EGRET_RESULT_FIXED, .result = (type)

const egret_function egret_functions[EGRET_N_FUNCTIONS] = {
    [EGRET_FN_ABS] = {"abs", 1, 1, {NUMERIC | SPAN}, FIRST, .signature = "abs(x)",
                      .help = "x without its sign."},
    [EGRET_FN_ROUND] = {"round", 1, 2, {NUMERIC, INT}, FIRST, .signature = "round(x, digits)",
                        .help = "x with that many digits after the point (0 when left out; negative: tens, hundreds); halves go away "
                                "from zero. A decimal is rounded exactly."},
    [EGRET_FN_FLOOR] = {"floor", 1, 1, {NUMERIC}, FIRST, .signature = "floor(x)",
                        .help = "The largest whole number that is not above x."},
    [EGRET_FN_CEIL] = {"ceil", 1, 1, {NUMERIC}, FIRST, .signature = "ceil(x)",
                       .help = "The smallest whole number that is not below x."},
    [EGRET_FN_SQRT] = {"sqrt", 1, 1, {NUMERIC}, FIXED(EGRET_NUMBER), .signature = "sqrt(x)",
                       .help = "The square root; null below zero."},
    [EGRET_FN_LEAST] = {"least", 2, EGRET_MAX_ARGS, {ORDERED}, SAME(0), .signature = "least(a, b, …)",
                        .help = "The smallest of the values; null when one of them is."},
    [EGRET_FN_GREATEST] = {"greatest", 2, EGRET_MAX_ARGS, {ORDERED}, SAME(0), .signature = "greatest(a, b, …)",
                           .help = "The largest of the values; null when one of them is."},
    [EGRET_FN_IF] = {"if", 3, 3, {BOOL, ANY}, SAME(1), .null_safe = true, .signature = "if(c, a, b)",
                     .help = "a when c holds, else b."},
    [EGRET_FN_COALESCE] = {"coalesce", 2, EGRET_MAX_ARGS, {ANY}, SAME(0), .null_safe = true, .signature = "coalesce(a, b, …)",
                           .help = "The first value that is not null."},
    [EGRET_FN_LOWER] = {"lower", 1, 1, {STRING}, FIXED(EGRET_STRING), .signature = "lower(s)",
                        .help = "s with A to Z made small."},
    [EGRET_FN_UPPER] = {"upper", 1, 1, {STRING}, FIXED(EGRET_STRING), .signature = "upper(s)",
                        .help = "s with a to z made large."},
    [EGRET_FN_TRIM] = {"trim", 1, 1, {STRING}, FIXED(EGRET_STRING), .signature = "trim(s)",
                       .help = "s without blanks, tabs and line ends at both ends."},
    [EGRET_FN_LENGTH] = {"length", 1, 1, {STRING}, FIXED(EGRET_INT), .signature = "length(s)",
                         .help = "How many characters (Unicode code points) s has."},
    [EGRET_FN_STARTS_WITH] = {"starts_with", 2, 2, {STRING}, FIXED(EGRET_BOOL), .signature = "starts_with(s, prefix)",
                              .help = "Does s begin with prefix? Case matters."},
    [EGRET_FN_ENDS_WITH] = {"ends_with", 2, 2, {STRING}, FIXED(EGRET_BOOL), .signature = "ends_with(s, suffix)",
                            .help = "Does s end with suffix? Case matters."},
    [EGRET_FN_CONTAINS] = {"contains", 2, 2, {STRING}, FIXED(EGRET_BOOL), .signature = "contains(s, part)",
                           .help = "Does part occur in s? Case matters."},
    [EGRET_FN_SUBSTRING] = {"substring", 2, 3, {STRING, INT}, FIXED(EGRET_STRING), .signature = "substring(s, start, count)",
                            .help = "count characters of s from character number start; the first is 1. Without count: to the end."},
    [EGRET_FN_CONCAT] = {"concat", 1, EGRET_MAX_ARGS, {ANY}, FIXED(EGRET_STRING), .signature = "concat(a, b, …)",
                         .help = "The values as text, one after the other; null when one of them is."},
    [EGRET_FN_TO_STRING] = {"to_string", 1, 1, {ANY}, FIXED(EGRET_STRING), .signature = "to_string(x)",
                            .help = "x as text."},
    [EGRET_FN_TO_NUMBER] = {"to_number", 1, 1, {NUMERIC | STRING | BOOL}, FIXED(EGRET_NUMBER), .signature = "to_number(x)",
                            .help = "x as a number; null for text that is none."},
    [EGRET_FN_TO_INT] = {"to_int", 1, 1, {NUMERIC | STRING | BOOL}, FIXED(EGRET_INT), .signature = "to_int(x)",
                         .help = "x as an int, digits after the point cut off; null for text that is no int, and when it does not fit."},
    [EGRET_FN_DISTANCE_KM] = {"distance_km", 4, 4, {NUMERIC}, FIXED(EGRET_NUMBER), .signature = "distance_km(lat1, lon1, lat2, lon2)",
                              .help = "The great-circle distance of two places given in degrees, on a sphere of radius 6371.0088 km; null "
                                      "for places that do not exist."},
    [EGRET_FN_IP_IN] = {"ip_in", 2, 2, {STRING}, FIXED(EGRET_BOOL), .signature = "ip_in(ip, \"10.0.0.0/8\")",
                        .help = "Is the address in the network? IPv4 and IPv6. False for text that is no address."},
    [EGRET_FN_YEAR] = {"year", 1, 1, {TIME}, FIXED(EGRET_INT), .signature = "year(t, zone)", .help = "The year; in UTC when no zone is given."},
    [EGRET_FN_MONTH] = {"month", 1, 1, {TIME}, FIXED(EGRET_INT), .signature = "month(t, zone)", .help = "The month, 1 to 12."},
    [EGRET_FN_DAY] = {"day", 1, 1, {TIME}, FIXED(EGRET_INT), .signature = "day(t, zone)", .help = "The day of the month."},
    [EGRET_FN_HOUR] = {"hour", 1, 1, {TIME}, FIXED(EGRET_INT), .signature = "hour(t, zone)", .help = "The hour, 0 to 23."},
    [EGRET_FN_MINUTE] = {"minute", 1, 1, {TIME}, FIXED(EGRET_INT), .signature = "minute(t, zone)", .help = "The minute, 0 to 59."},
    [EGRET_FN_WEEKDAY] = {"weekday", 1, 1, {TIME}, FIXED(EGRET_INT), .signature = "weekday(t, zone)",
                          .help = "The day of the week, Monday 1 to Sunday 7."},
};

const size_t egret_n_functions = EGRET_N_FUNCTIONS;

int egret_function_find(egret_str name)
{
    for (int i = 0; i < EGRET_N_FUNCTIONS; i++)
        if (egret_str_is(name, egret_functions[i].name))
            return i;
    return -1;
}
