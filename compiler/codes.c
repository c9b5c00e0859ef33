/*
 * codes.c: the stories behind the codes of diagnostics.
 *
 * A message has one line; some mistakes deserve a paragraph. The rows stand in codes.def (lexer and parser) and
 * codes_check.def (checker), one for each code the compiler can emit. A code is never used again for another meaning.
 */
#include "compiler/diag.h"

typedef struct code_row {
    unsigned code;
    const char *title;
    const char *story;
} code_row;

static const code_row ROWS[] = {
#define CODE(number, title, story) { number, title, story },
#include "compiler/codes.def"
#include "compiler/codes_check.def"
#undef CODE
};

enum { N_ROWS = sizeof ROWS / sizeof ROWS[0] };

static const code_row *row_of(unsigned code)
{
    for (size_t i = 0; i < N_ROWS; i++)
        if (ROWS[i].code == code)
            return &ROWS[i];
    return NULL;
}

const char *egret_code_story(unsigned code)
{
    const code_row *row = row_of(code);
    return row == NULL ? NULL : row->story;
}

const char *egret_code_title(unsigned code)
{
    const code_row *row = row_of(code);
    return row == NULL ? NULL : row->title;
}

unsigned egret_code_at(size_t i)
{
    return i < N_ROWS ? ROWS[i].code : 0;
}
