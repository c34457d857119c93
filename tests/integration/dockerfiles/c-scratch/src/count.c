#include <ctype.h>
#include <stdio.h>
#include <unistd.h>

int main(int argc, char **argv)
{
    for (int i = 1; i < argc; i++) {
        FILE *file = fopen(argv[i], "r");
        if (!file) {
            perror(argv[i]);
            return 1;
        }
        unsigned long words = 0;
        int in = 0, c;
        while ((c = getc(file)) != EOF) {
            if (isspace(c))
                in = 0;
            else if (!in)
                in = 1, words++;
        }
        fclose(file);
        printf("%lu %s as %u\n", words, argv[i], (unsigned)getuid());
    }
    return 0;
}
