#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <math.h>
#include <complex.h>
struct node { struct node *next; double value; char name[24]; };
static int compare(const void *a, const void *b) { double x = *(const double *)a, y = *(const double *)b; return (x > y) - (x < y); }
long double third(long double x) { return x / 3.0L + 0.1L; }
double complex turn(double complex z) { return z * (1.1 + 2.2 * I) + cexp(0.3 * I); }
float table[64];
__attribute__((constructor)) static void fill(void) { for (int i = 0; i < 64; i++) table[i] = sinf(i * 0.1f) * 1e-3f; }
int work(int argc, char **argv)
{
    char buffer[64];
    double v[16];
    for (int i = 0; i < 16; i++) v[i] = pow(i, 1.5) - exp(-i / 3.0) + 1.0e-30 * i;
    qsort(v, 16, sizeof *v, compare);
    snprintf(buffer, sizeof buffer, "%a %La %d", v[3], third(argc), (int)strlen(argv[0]));
    struct node *list = 0;
    for (int i = 0; i < argc; i++) { struct node *n = malloc(sizeof *n); n->next = list; n->value = v[i & 15]; strncpy(n->name, argv[i], sizeof n->name - 1); list = n; }
    switch (argc) { case 1: puts("one"); break; case 2: puts("two"); break; case 7: case 8: case 9: puts("more"); break; default: puts(buffer); }
    return (int)creal(turn(v[1]));
}
