using System.Buffers.Binary;
using System.Text;
using Platter.Primitives;

namespace Platter.FileSystems.Ntfs;

/// <summary>One extended attribute of a file.</summary>
internal readonly record struct NtfsEa(string Name, byte[] Value, byte Flags);

/// <summary>The value of $EA, and what the Windows Subsystem for Linux keeps in it.</summary>
internal static class NtfsExtendedAttributes
{
    internal const string LxUser = "$LXUID", LxGroup = "$LXGID", LxMode = "$LXMOD", LxDevice = "$LXDEV";

    // A length word, flags, a length byte, a zero: what Windows counts of an entry besides name and value.
    private const int PackedOverhead = 5;

    /// <summary>Takes the list apart.</summary>
    /// <param name="value">The value of $EA.</param>
    /// <param name="found">The attributes are added here.</param>
    /// <returns>What is wrong, or null; those before it have been added.</returns>
    public static string? Parse(ReadOnlySpan<byte> value, List<NtfsEa> found)
    {
        for (var at = 0; at < value.Length;)
        {
            var rest = value[at..];
            if (rest.Length < NtfsEaEntry.Size)
                return $"the entry at {at} has {rest.Length} bytes left, expected at least {NtfsEaEntry.Size}";
            ref readonly var entry = ref OnDisk.View<NtfsEaEntry>(rest);
            var length = NtfsEaEntry.Size + entry.NameLength + 1 + entry.ValueLength;
            if (length > rest.Length)
                return $"the entry at {at} has a name of {entry.NameLength} bytes and a value of {entry.ValueLength}, past its {rest.Length}";
            if (entry.NextOffset != 0U && (entry.NextOffset < length || entry.NextOffset > rest.Length))
                return $"the entry at {at} says that the next one is {entry.NextOffset} bytes further, expected {length}..{rest.Length}";
            found.Add(new NtfsEa(Encoding.Latin1.GetString(rest.Slice(NtfsEaEntry.Size, entry.NameLength)),
                rest.Slice(NtfsEaEntry.Size + entry.NameLength + 1, entry.ValueLength).ToArray(), entry.Flags));
            if (entry.NextOffset == 0U)
                break;
            at += (int)(uint)entry.NextOffset;
        }
        return null;
    }

    /// <summary>What $EA_INFORMATION says of a list: its length as Windows packs it, and how many of them programs that do not know EAs must not ignore.</summary>
    public static (int Packed, int Needed) Sums(IReadOnlyList<NtfsEa> attributes)
    {
        int packed = 0, needed = 0;
        foreach (var ea in attributes)
        {
            packed += PackedOverhead + ea.Name.Length + ea.Value.Length;
            needed += (ea.Flags & NtfsEaEntry.NeedEa) != 0 ? 1 : 0;
        }
        return (packed, needed);
    }

    /// <summary>Whether it is one of those that <see cref="Apply"/> shows.</summary>
    public static bool IsLinux(in NtfsEa ea) => ea is { Name: LxUser or LxGroup or LxMode, Value.Length: 4 } or { Name: LxDevice, Value.Length: 8 or 4 };

    /// <summary>The kind of special file that $LXMOD says; null when there is none, or it says another. The kernel's ntfs3 makes devices,
    /// FIFOs and sockets so: empty files without the reparse point that Windows gives them.</summary>
    public static EntryKind? SpecialKind(List<NtfsEa> attributes)
    {
        foreach (var ea in attributes)
        {
            if (ea.Name == LxMode && IsLinux(ea))
            {
                return (BinaryPrimitives.ReadUInt32LittleEndian(ea.Value) >> 12) switch
                {
                    1 => EntryKind.Fifo,
                    2 => EntryKind.CharacterDevice,
                    6 => EntryKind.BlockDevice,
                    12 => EntryKind.Socket,
                    _ => null,
                };
            }
        }
        return null;
    }

    /// <summary>Puts mode, owner and device of WSL into the metadata.</summary>
    public static FileMetadata Apply(FileMetadata metadata, List<NtfsEa> attributes)
    {
        foreach (var ea in attributes)
        {
            if (!IsLinux(ea))
                continue;
            var number = BinaryPrimitives.ReadUInt32LittleEndian(ea.Value);
            metadata = ea.Name switch
            {
                LxUser => metadata with { UserId = number },
                LxGroup => metadata with { GroupId = number },
                LxMode => metadata with { Mode = (int)(number & 0xFFF) },
                _ => metadata with
                {
                    Device = metadata.Kind is EntryKind.CharacterDevice or EntryKind.BlockDevice ? DeviceOf(ea.Value) : null,
                },
            };
        }
        return metadata;
    }

    // Windows keeps two numbers; ntfs3 keeps the kernel's own, of 12 and 20 bits.
    private static DeviceNumber DeviceOf(ReadOnlySpan<byte> value)
    {
        var first = BinaryPrimitives.ReadUInt32LittleEndian(value);
        return value.Length == 8 ? new DeviceNumber(first, BinaryPrimitives.ReadUInt32LittleEndian(value[4..])) : new DeviceNumber(first >> 20, first & 0xFFFFF);
    }
}
