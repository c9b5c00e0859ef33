/*
 * bare_pass.cpp: the yardstick: how fast can this machine split lines and read the fields of payments, and do nothing else?
 *
 *   bare_pass FILE [ROUNDS]        prints the median of ROUNDS (5) passes in events per second of processor time
 *
 * simdjson's on-demand reader as its documentation advises: the file in one padded buffer, one parser, fields asked for in the order
 * in which they stand in the record, strings and numbers read, the time turned into milliseconds (one that any user would write: fixed
 * positions, the date's part remembered). What the product does beyond this - checking types, exact decimals, missing fields, keys
 * in any order, duplicates, ordering, rules - is what it pays for being a product.
 *
 * It is C++ because the yardstick must not stand on the shim it measures.
 */
#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <vector>

#define SIMDJSON_EXCEPTIONS 0
#include <simdjson.h>

using namespace simdjson;

namespace {

struct totals {
    uint64_t events, bad, bytes;
    double amount;
    int64_t time;
};

struct day {
    char date[11];
    int64_t ms;
};

int two(const char *p)
{
    return (p[0] - '0') * 10 + (p[1] - '0');
}

int64_t days_from_civil(int64_t y, int64_t m, int64_t d)
{
    y -= m <= 2;
    int64_t era = y / 400, yoe = y - era * 400;
    int64_t doy = (153 * (m + (m > 2 ? -3 : 9)) + 2) / 5 + d - 1;
    return era * 146097 + yoe * 365 + yoe / 4 - yoe / 100 + doy - 719468;
}

int64_t to_ms(std::string_view at, day &known)
{
    const char *p = at.data();
    if (at.size() < 20)
        return 0;
    if (memcmp(p, known.date, 10) != 0) {
        memcpy(known.date, p, 10);
        known.ms = days_from_civil(two(p) * 100 + two(p + 2), two(p + 5), two(p + 8)) * 86400000;
    }
    int64_t ms = at.size() >= 24 ? (p[20] - '0') * 100 + two(p + 21) : 0;
    return known.ms + ((two(p + 11) * 60 + two(p + 14)) * 60 + two(p + 17)) * 1000 + ms;
}

bool read_string(ondemand::object &object, const char *key, totals &sum)
{
    std::string_view text;
    if (object.find_field(key).get_string().get(text) != SUCCESS)
        return false;
    sum.bytes += text.size();
    return true;
}

bool read_payment(ondemand::object &object, totals &sum, day &known)
{
    double amount;
    std::string_view at;
    bool good = read_string(object, "id", sum) && read_string(object, "card", sum) && read_string(object, "card_fp", sum) &&
                read_string(object, "ip", sum) && read_string(object, "device_id", sum) && read_string(object, "merchant_country", sum) &&
                object.find_field("amount").get_double().get(amount) == SUCCESS && read_string(object, "status", sum) &&
                object.find_field("at").get_string().get(at) == SUCCESS;
    if (!good)
        return false;
    sum.amount += amount;
    sum.time += to_ms(at, known);
    return true;
}

totals pass(ondemand::parser &parser, const padded_string &file)
{
    totals sum = {};
    day known = {};
    const char *at = file.data(), *end = file.data() + file.size();
    while (at < end) {
        const char *stop = static_cast<const char *>(memchr(at, '\n', size_t(end - at)));
        if (stop == nullptr)
            stop = end;
        size_t len = size_t(stop - at);
        ondemand::document doc;
        ondemand::object object;
        if (len > 0) {
            // What follows in the file is this line's padding; the last one has the buffer's.
            if (parser.iterate(padded_string_view(at, len, len + SIMDJSON_PADDING)).get(doc) == SUCCESS &&
                doc.get_object().get(object) == SUCCESS && read_payment(object, sum, known))
                sum.events++;
            else
                sum.bad++;
        }
        at = stop + 1;
    }
    return sum;
}

/* Of this process, so that other programs disturb less. */
double processor_seconds()
{
    timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return double(t.tv_sec) + double(t.tv_nsec) * 1e-9;
}

} // namespace

int main(int argc, char **argv)
{
    padded_string file;
    if (argc < 2 || padded_string::load(argv[1]).get(file) != SUCCESS) {
        fprintf(stderr, "usage: bare_pass FILE [ROUNDS]\n");
        return 2;
    }
    long rounds = argc > 2 ? strtol(argv[2], nullptr, 10) : 5;
    ondemand::parser parser;
    std::vector<double> rates;
    totals sum = {};
    for (long i = 0; i < (rounds < 1 ? 1 : rounds); i++) {
        double begin = processor_seconds();
        sum = pass(parser, file);
        rates.push_back(double(sum.events + sum.bad) / (processor_seconds() - begin));
    }
    std::sort(rates.begin(), rates.end());
    printf("%.0f events/s (%llu payments, %llu unreadable; bytes of strings %llu, amounts %.2f, mean time %lld)\n",
           rates[rates.size() / 2], (unsigned long long)sum.events, (unsigned long long)sum.bad, (unsigned long long)sum.bytes, sum.amount,
           (long long)(sum.events == 0 ? 0 : sum.time / (int64_t)sum.events));
    return sum.events == 0 ? 1 : 0;
}
