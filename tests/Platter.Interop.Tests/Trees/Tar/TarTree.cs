using Platter.Testing;

namespace Platter.Interop.Tests.Trees.Tar;

/// <summary>A folder with one of everything that an archive can hold. Made as root, or with what others may make.</summary>
internal static class TarTree
{
    /// <summary>Names that are no UTF-8 are made by the shell, which knows only bytes.</summary>
    public static void Make(string folder)
    {
        Directory.CreateDirectory(folder);
        const string script = """
            set -e
            mkdir -p usr/bin dir/sub empty sticky "with space"
            printf 'hello\n' > usr/bin/hello
            : > zero
            head -c 511 /dev/urandom > f511; head -c 512 /dev/urandom > f512; head -c 513 /dev/urandom > f513
            head -c 3000000 /dev/urandom > dir/big
            ln usr/bin/hello hard1; ln usr/bin/hello dir/hard2
            ln -s usr/bin/hello soft; ln -s /absolute/target dir/absolute
            ln -s "$(printf 'long%.0s' $(seq 60))" longlink
            n=$(printf 'x%.0s' $(seq 120)); printf a > "$n"; ln "$n" "linked-$n"
            d=$(printf 'd%.0s' $(seq 90)); mkdir -p "$d/$d/$d"; printf b > "$d/$d/$d/file"
            mkdir -p p1234567/$d; printf c > "p1234567/$d/$(printf 'n%.0s' $(seq 99))"
            printf u > "ünïcode ☃"; printf w > "with space/new
            line"
            printf r > "$(printf 'bad\377\200name')"
            ln -s "$(printf 'bad\377target')" badlink
            mknod fifo p
            mknod console c 5 1; mknod loop b 7 130; mknod far c 3000 70000
            chmod 4755 usr/bin/hello; chmod 1777 sticky; chmod 0 zero; chmod 2750 empty
            chown 1000:1001 f511; chown 3000000:4000000 f512; chown -h 5:6 soft
            truncate -s 2M sparse; printf 'head' | dd of=sparse conv=notrunc status=none; printf 'mid' | dd of=sparse bs=1 seek=1000000 conv=notrunc status=none
            truncate -s 300K hole
            truncate -s 1M manyparts; for i in $(seq 0 30); do printf 'part%d' $i | dd of=manyparts bs=1 seek=$((i * 20480)) conv=notrunc status=none; done
            setfattr -n user.comment -v "a value" f511; setfattr -n user.bytes -v 0x00ff0a3d00 f512; setfattr -n user.empty f512
            setfattr -n security.capability -v 0x0100000200040000000000000000000000000000 f513 || true
            setfattr -n user.dir -v directory dir
            setfattr -n 'user.a=b%c' -v odd f513
            setfacl -m u:1234:rx,g:77:r f513 || true
            setfacl -d -m u:99:rwx dir/sub || true
            touch -d '1985-06-07T08:09:10.123456789Z' usr/bin/hello
            touch -d '1960-01-01T00:00:00.5Z' f511
            touch -d '2150-01-01T00:00:00Z' f513
            touch -h -d '2001-02-03T04:05:06Z' soft
            touch -d '2020-01-01T00:00:00.000000001Z' usr/bin usr dir/sub dir empty
            """;
        var result = Tool.Run(folder, null, new Dictionary<string, string>(StringComparer.Ordinal), "bash", "-c", script);
        if (result.ExitCode != 0)
            throw new InvalidOperationException(result.All);
    }
}
