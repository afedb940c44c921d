namespace Platter.Interop.Tests.ExFat;

/// <summary>What the Linux kernel does to a volume before Platter sees it: shell scripts for busybox, one volume each.</summary>
internal static class ExFatKernelScripts
{
    /// <param name="Name">What it is about.</param>
    /// <param name="Clusters">Bytes of the volume's clusters, as <c>mkfs.exfat -c</c> takes it.</param>
    /// <param name="MebiBytes">Length of the volume.</param>
    /// <param name="Script">Ends with 0, or something is wrong.</param>
    public sealed record Case(string Name, string Clusters, int MebiBytes, string Script);

    // Repeats a command for i = 1 to n.
    private static string Times(int n, string command) => $"i=0; while [ $i -lt {n} ]; do i=$((i+1)); {command}; done";

    public static IReadOnlyList<Case> All { get; } =
    [
        new("fills to the last cluster", "4K", 4, "i=0; while seq 1 9000 > fill$i 2>/dev/null; do i=$((i+1)); done; seq 1 100000 > more 2>/dev/null; true"),
        new("fragments", "4K", 8, $"{Times(200, "echo $i > small$i")}; {Times(100, "rm small$((2*i))")}; seq 1 150000 > across; {Times(50, "echo again$i > new$i")}"),
        new("deletes trees", "4K", 8, $"mkdir -p a/b/c d/e; {Times(40, "seq 1 $((i*50)) > a/b/c/f$i; seq 1 $((i*90)) > d/e/g$i")}; rm -r a/b; rm d/e/g1*"),
        new("renames", "4K", 8, $"{Times(30, "echo $i > name$i; mv name$i 'a longer name than before '$i")}; touch lower; mv lower LOWER; mkdir dir; mv LOWER dir/Lower"),
        new("truncates up and down", "4K", 16, "seq 1 50000 > up; truncate -s 3000000 up; seq 1 50000 > down; truncate -s 1000 down; truncate -s 5000000 never-written; truncate -s 0 down2; seq 1 10 > zero; truncate -s 0 zero; truncate -s 100000 zero"),
        new("names of 255 units", "4K", 8, $"n=$(printf 'x%.0s' $(seq 1 250)); {Times(40, "echo $i > $n$((10000+i))")}; rm ${{n}}10007; mkdir ${{n}}dirdi; echo 1 > ${{n}}dirdi/${{n}}inner"),
        new("many entries", "4K", 8, $"mkdir many; {Times(900, "touch many/entry$i")}"),
        new("files grow in turns", "4K", 8, Times(60, "seq 1 400 >> one; seq 1 300 >> two; seq 1 200 >> three")),
        new("overwrites in the middle", "4K", 8, "seq 1 60000 > f; echo here | dd of=f bs=1 seek=12345 conv=notrunc 2>/dev/null; seq 1 2000 | dd of=f bs=7 seek=20000 conv=notrunc 2>/dev/null"),
        new("writes far behind the end", "4K", 16, "echo a > f; echo b | dd of=f bs=1 seek=3000000 conv=notrunc 2>/dev/null; echo c | dd of=g bs=1000 seek=2000 2>/dev/null"),
        new("names beyond ASCII", "4K", 4, "echo 1 > 'ÄÖÜ äöü ß'; echo 2 > 'файл'; echo 3 > '日本語のファイル'; echo 4 > 'émoji 😀'; mkdir 'Ωμέγα'; echo 5 > 'Ωμέγα/αβγ'; mv 'файл' 'ФАЙЛ НОВЫЙ'"),
        new("a deep path", "512", 4, $"p=.; {Times(40, "p=$p/d$i; mkdir $p; echo $i > $p/file")}; mv d1/d2/d3 up"),
        new("moves directories", "4K", 8, $"mkdir -p a b c/d; {Times(30, "echo $i > a/f$i")}; mv a b/; mv b c/d/; mv c/d .; mv d/b/a/f7 ."),
        new("replaces", "4K", 8, "seq 1 5000 > a; seq 1 9000 > b; mv -f a b; mkdir x y; echo 1 > y/z; mv -f b y/z; seq 1 7 > n; mv -f n y/z"),
        new("times", "4K", 4, "echo 1 > old; touch -d '1999-12-31 23:59:58' old; echo 2 > new; touch -d '2107-12-31 23:59:58' new; mkdir dir; touch -d '2001-02-03 04:05:06' dir; echo 3 > first; touch -d '1980-01-01 00:00:00' first"),
        new("attributes", "4K", 4, "echo 1 > ro; chmod -w ro; echo 2 > plain; fatattr +h plain 2>/dev/null; mkdir d; fatattr +s d 2>/dev/null; true"),
        new("makes and removes over and over", "4K", 8, $"{Times(25, "mkdir t; for j in 1 2 3 4 5 6 7 8; do seq 1 $((i*j*20)) > t/f$j; done; rm -r t")}; echo left > left"),
        new("one large file", "128K", 64, $"seq 1 50000 > p; {Times(6, "cat p p p p p p p p p p >> large")}; rm p; seq 1 3 > small"),
        new("a directory shrinks and fills with longer names", "512", 4, $"mkdir d; {Times(100, "touch d/s$i")}; rm d/s*; {Times(60, "echo $i > 'd/a much longer name than the one before '$i")}"),
        new("copies trees", "4K", 16, $"mkdir -p a/b; {Times(60, "seq 1 $((i*37)) > a/b/f$i")}; cp -r a c; cp -r a c/inner; rm -r a/b"),
        new("starts a file anew", "4K", 8, $"{Times(20, "seq 1 $((i*1000)) > f; echo $i > beside$i")}; : > f; seq 1 77777 > f"),
        new("writes in odd pieces", "4K", 8, "seq 1 40000 | dd of=f bs=333 2>/dev/null; seq 1 40000 | dd of=f bs=511 seek=3 conv=notrunc 2>/dev/null; seq 1 1000 >> f"),
        new("directories between files", "512", 4, Times(60, "mkdir d$i; echo $i > f$i; touch d1/in$i d2/in$i")),
        new("clusters of 32 MiB", "32M", 400, "mkdir d; seq 1 100000 > d/f; echo small > s; mkdir d/e; mv s d/e/; truncate -s 34000000 big; echo end >> big; rm d/f"),
    ];
}
