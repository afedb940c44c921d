using System.Numerics;
using System.Text;
using Platter.Blocks;
using Platter.Primitives;

namespace Platter.Images.Qcow2;

/// <summary>The header extensions: a list of typed pieces behind the header, within the first cluster, ended by type 0.</summary>
internal sealed class Qcow2Extensions
{
    private readonly Dictionary<(int Kind, int Bit), string> _featureNames = [];

    /// <summary>The format of the backing file, in QEMU's words: <c>raw</c>, <c>qcow2</c>, <c>vpc</c>, ...; null when it isn't said.</summary>
    internal string? BackingFormat { get; private set; }

    /// <summary>The file that holds the data, when it is not this one.</summary>
    internal string? DataFile { get; private set; }

    /// <summary>Where the bitmaps are; counts only while the autoclear bit says so.</summary>
    internal BitmapsExtension? Bitmaps { get; private set; }

    /// <summary>Where the data of the bitmaps extension lies in the file.</summary>
    internal long BitmapsOffset { get; private set; }

    /// <summary>The header's features as QEMU names them, for the table that images carry for readers who don't know a feature.</summary>
    internal static readonly (byte Kind, byte Bit, string Name)[] KnownFeatures =
    [
        (0, 0, "dirty bit"), (0, 1, "corrupt bit"), (0, 2, "external data file"), (0, 3, "compression type"), (0, 4, "extended L2 entries"),
        (1, 0, "lazy refcounts"),
        (2, 0, "bitmaps"), (2, 1, "raw external data"),
    ];

    /// <exception cref="DiskFormatException">An extension reaches out of the first cluster (<c>QCOW-0011</c>).</exception>
    internal static Qcow2Extensions Read(BlockDevice host, in Qcow2Header header)
    {
        var extensions = new Qcow2Extensions();
        var start = header.Version < 3 ? Qcow2Header.Version2Length : (int)(uint)header.HeaderLength;
        var end = (int)Math.Min(1L << (int)(uint)header.ClusterBits, host.Length);
        if (header.BackingNameOffset != 0 && header.BackingNameOffset < (ulong)end)
            end = (int)(ulong)header.BackingNameOffset;
        if (end <= start)
            return extensions;
        var bytes = new byte[end - start];
        host.Read(start, bytes);
        for (var at = 0; at + 8 <= bytes.Length;)
        {
            ref readonly var head = ref OnDisk.View<ExtensionHead>(bytes, at);
            if (head.Type == ExtensionHead.End)
                break;
            if (head.Length > bytes.Length - at - 8)
            {
                throw new DiskFormatException("QCOW-0011", "ExtensionHead.length", start + at + 4,
                    $"found {(uint)head.Length} bytes of type 0x{(uint)head.Type:X8}, but only {bytes.Length - at - 8} are left");
            }
            extensions.Take(head.Type, bytes.AsSpan(at + 8, (int)(uint)head.Length), start + at + 8);
            at += 8 + (((int)(uint)head.Length + 7) & ~7);
        }
        return extensions;
    }

    /// <summary>The names of feature bits, from the image's own table where it has them.</summary>
    /// <param name="kind">0 incompatible, 1 compatible, 2 autoclear.</param>
    /// <param name="bits">The features.</param>
    internal string NamesOf(int kind, ulong bits)
    {
        var names = new List<string>();
        for (; bits != 0; bits &= bits - 1)
        {
            var bit = BitOperations.TrailingZeroCount(bits);
            names.Add(_featureNames.TryGetValue((kind, bit), out var name) ? $"{name} (bit {bit})" : $"bit {bit}");
        }
        return string.Join(", ", names);
    }

    private void Take(uint type, ReadOnlySpan<byte> data, long offset)
    {
        switch (type)
        {
            case ExtensionHead.BackingFormat:
                BackingFormat = Text(data);
                break;
            case ExtensionHead.DataFile:
                DataFile = Text(data);
                break;
            case ExtensionHead.FeatureNames:
                for (; data.Length >= FeatureNameHead.Length; data = data[FeatureNameHead.Length..])
                {
                    var name = data.Slice(2, FeatureNameHead.NameLength);
                    var end = name.IndexOf((byte)0);
                    _featureNames[(data[0], data[1])] = Text(end < 0 ? name : name[..end]);
                }
                break;
            case ExtensionHead.Bitmaps when data.Length >= 24:
                Bitmaps = OnDisk.View<BitmapsExtension>(data);
                BitmapsOffset = offset;
                break;
            default:
                break;      // to be ignored, and left where it is
        }
    }

    // It goes into messages: control characters would reach somebody's terminal.
    private static string Text(ReadOnlySpan<byte> bytes) =>
        string.Concat(Encoding.UTF8.GetString(bytes).Select(c => char.IsControl(c) ? '\uFFFD' : c));
}
