using Platter.Testing;
using Platter.Testing.Ext;

namespace Platter.Interop.Tests.Ext;

/// <summary>The volumes of <see cref="ExtMatrix"/>, made and filled by e2fsprogs once for all tests of a class.</summary>
public sealed class MatrixVolumes : IDisposable
{
    // Content that reaches into each kind of map; names for a hash tree; links of every length that matters.
    private const string SourceScript = """
        set -e
        umask 022
        mkdir -p many nested/a/b/c/d empty few
        : > zero; printf 'tiny' > tiny; printf '%0100d' 7 > hundred; seq 1 1000 > lines; seq 1 50000 > numbers
        truncate -s 5000000 sparse; printf 'middle' | dd of=sparse bs=1 seek=2500000 conv=notrunc status=none; printf 'end' >> sparse
        i=0; while [ $i -lt 700 ]; do : > "many/a-name-of-some-length-$i"; i=$((i+1)); done
        i=0; while [ $i -lt 12 ]; do printf '%d' $i > "few/$i"; i=$((i+1)); done
        printf 'deep' > nested/a/b/c/d/file; printf 'x' > 'name with spaces'; printf 'y' > 'Ünïcödé 名前'; printf 'z' > .hidden
        ln zero hard; ln nested/a/b/c/d/file nested/link
        ln -s tiny short; ln -s "$(printf '%059d' 1)" link59; ln -s "$(printf '%060d' 1)" link60; ln -s "$(printf '%0400d' 1)" link400
        mkfifo fifo; chmod 4755 tiny; chmod 1777 empty; chmod 600 lines; chmod 000 hundred
        touch -h -d '2001-02-03 04:05:06.789012345 UTC' lines short; touch -d '1969-12-31 23:00:00.5 UTC' numbers; touch -d '2100-01-01 00:00:00.25 UTC' hundred
        """;

    // What mke2fs cannot take from a folder without being root, and what makes maps long.
    private const string AfterScript = """
        mknod char c 5 300
        mknod block b 259 7
        mknod old c 1 3
        sif tiny uid 100000
        sif tiny gid 4294967294
        ea_set tiny user.small value
        ea_set tiny trusted.other another
        ea_set nested user.directory x
        ea_set short trusted.link y
        ea_set lines user.more 0123456789012345678901234567890123456789012345678901234567890123456789012345678901234567890123456789
        """;

    private readonly TempFolder _folder = new();

    public MatrixVolumes()
    {
        Source = _folder.File("source");
        Directory.CreateDirectory(Source);
        var made = Tool.Run(Source, (byte[]?)null, "sh", "-c", SourceScript);
        if (made.ExitCode != 0)
            throw new InvalidOperationException(made.All);
        var value = _folder.File("value");
        File.WriteAllBytes(value, [.. Enumerable.Range(0, 700).Select(i => (byte)i)]);
        var long64 = _folder.File("long");
        File.WriteAllBytes(long64, [.. Enumerable.Range(0, 9000).Select(i => (byte)(i * 7))]);
        foreach (var (name, arguments, length, blockSize) in ExtMatrix.Cases)
        {
            var path = _folder.File($"{Volumes.Count}.img");
            Mke2fs.Make(path, length, Mke2fs.WithoutProtection(arguments), Source);
            var script = AfterScript + $"ea_set -f {value} numbers user.long\n";
            if (arguments.Contains("ea_inode", StringComparison.Ordinal) && blockSize <= 4096)
                script += $"ea_set -f {long64} lines user.own-inode\n";
            // Holes in a map of many pieces: every other block of one part, three of another.
            script += string.Concat(Enumerable.Range(0, 60).Select(i => $"punch numbers {i * 2} {i * 2}\n"));
            if (arguments.Contains(",extent", StringComparison.Ordinal))
                script += "fallocate lines 2 9\n";
            Mke2fs.Debugfs(path, script);
            var hash = name.Contains(" tea ", StringComparison.Ordinal) ? "tea" : name.Contains(" legacy ", StringComparison.Ordinal) ? "legacy" : null;
            if (hash is not null)
                Tool.Expect("tune2fs", "-E", "hash_alg=" + hash, path);
            Mke2fs.Index(path);
            if (arguments.Contains(",quota", StringComparison.Ordinal))
                Mke2fs.Index(path);     // the first run counts what is in use before it compacts directories
            Mke2fs.Protect(path, arguments);
            Volumes.Add((name, path, blockSize));
        }
    }

    /// <summary>The folder that all were filled from.</summary>
    public string Source { get; }

    public List<(string Name, string Path, int BlockSize)> Volumes { get; } = [];

    public void Dispose() => _folder.Dispose();
}
