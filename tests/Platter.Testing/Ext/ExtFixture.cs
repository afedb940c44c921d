using Platter.FileSystems;
using Platter.FileSystems.Ext;
using Platter.Testing.Volumes;

namespace Platter.Testing.Ext;

/// <summary>An empty volume of mke2fs on a device in memory, judged by Platter's own checker and by e2fsck.</summary>
public sealed class ExtFixture() : DeviceFixture(new ExtType())
{
    private static readonly Dictionary<(string, long), ScratchDevice> Made = [];

    /// <summary>As for mke2fs: <c>-t ext4 -b 1024</c>.</summary>
    public required string Arguments { get; init; }

    public int BlockSize { get; init; } = 4096;

    /// <summary>Bytes that attributes can take beside the inode; with ea_inode what Linux takes at most.</summary>
    public override int MaxAttributeLength => Arguments.Contains("ea_inode", StringComparison.Ordinal) ? 1 << 16 : BlockSize - 100;

    public override long Length => 16 << 20;
    public override long SmallLength => BlockSize == 1024 ? 1 << 20 : 2 << 20;
    public override bool AllowsControlCharacters => true;

    // Directories do not shrink.
    public override long FreeBytesSlack => BlockSize;

    // Indirect blocks of three levels, or leaves of an extent tree.
    public override long ContentOverhead(long length) => (length / BlockSize / (BlockSize / 4) + 4) * BlockSize;

    protected override ScratchDevice Make(long length) => Empty(Arguments, length);

    public override string? Judge() => Complaint(Device);

    /// <summary>A volume without anything in it, lost+found neither: made once, given out as copies.</summary>
    public static ScratchDevice Empty(string arguments, long length)
    {
        lock (Made)
        {
            if (!Made.TryGetValue((arguments, length), out var made))
            {
                using var folder = new TempFolder();
                var path = folder.File("volume.img");
                Mke2fs.Make(path, length, arguments + " -U 01234567-89ab-4def-8123-456789abcdef");
                Mke2fs.Debugfs(path, "rmdir lost+found\n");
                if (arguments.Contains("quota", StringComparison.Ordinal))
                    Mke2fs.CountQuotas(path);
                Made[(arguments, length)] = made = ScratchDevice.Load(path);
            }
            return made.Copy();
        }
    }

    /// <summary>What e2fsck complains of, but for the missing lost+found; or null.</summary>
    public static string? Complaint(ScratchDevice device) => device.InFile(Complaint);

    /// <inheritdoc cref="Complaint(ScratchDevice)"/>
    public static string? Complaint(string path)
    {
        if (Mke2fs.Complaint(path) is not { } all)
            return null;
        var lines = all.Split('\n').Where(l => l.Length > 0 && !l.StartsWith("Pass ", StringComparison.Ordinal) && !l.StartsWith("e2fsck ", StringComparison.Ordinal)
            && l != "/lost+found not found.  Create? no" && !l.Contains(" WARNING: Filesystem still has errors ", StringComparison.Ordinal)
            && !l.Contains("% non-contiguous), ", StringComparison.Ordinal)).ToList();
        return lines.Count == 0 ? null : string.Join('\n', lines);
    }
}
