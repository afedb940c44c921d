using System.Buffers.Binary;
using Platter.Primitives;

namespace Platter.FileSystems.Ext;

/// <summary>One record of a fast commit.</summary>
/// <param name="Tag">What was done.</param>
/// <param name="Value">To what.</param>
internal readonly record struct JbdFastRecord(JbdFastTagKind Tag, byte[] Value);

/// <summary>The fast commits behind the log: small records of what was changed since the last whole transaction.</summary>
/// <remarks>Linux kernel, Documentation/filesystems/ext4, "Fast Commits". Each ends with a tail that carries its checksum and fills its last block; the first one
/// begins with a head. Those up to the last whole one count.</remarks>
internal sealed class JbdFastCommits
{
    private const int TailLength = 8, HeadLength = 8;

    private readonly List<JbdFastRecord> _records = [];

    /// <summary>Reads the fast commits that follow a transaction.</summary>
    /// <param name="journal">Where they are.</param>
    /// <param name="read">Gives a block of the journal.</param>
    /// <param name="sequence">The number of the transaction that would come next.</param>
    public JbdFastCommits(Jbd journal, Func<uint, byte[]> read, uint sequence)
    {
        IsTorn = Scan(journal, read, sequence) && Count == 0;
    }

    /// <summary>Whether a fast commit was begun behind a transaction and none is whole: drivers drop it.</summary>
    public bool IsTorn { get; }

    /// <summary>Whole fast commits.</summary>
    public int Count { get; private set; }

    /// <summary>What they say, in order.</summary>
    public IReadOnlyList<JbdFastRecord> Records => _records;

    // Returns whether there is the beginning of one.
    private bool Scan(Jbd journal, Func<uint, byte[]> read, uint sequence)
    {
        var isBegun = false;
        var crc = 0u;
        var pending = new List<JbdFastRecord>();
        for (var number = journal.FirstFast; number < journal.EndFast; number++)
        {
            var block = read(number);
            for (var at = 0; at + JbdFastTag.Size <= block.Length;)
            {
                ref readonly var tag = ref OnDisk.View<JbdFastTag>(block, at);
                var value = at + JbdFastTag.Size;
                if (tag.Length > block.Length - value)
                    return isBegun;
                var kind = (JbdFastTagKind)(ushort)tag.Tag;
                if (kind == JbdFastTagKind.Tail && tag.Length >= TailLength)
                {
                    crc = Crc32C.AppendRaw(crc, block.AsSpan(at, JbdFastTag.Size + 4));
                    if (Word(block, value) != sequence || Word(block, value + 4) != crc)
                        return isBegun;
                    _records.AddRange(pending);
                    pending.Clear();
                    Count++;
                    crc = 0;
                    at = value + tag.Length;
                    continue;
                }
                if (kind == JbdFastTagKind.Head)
                {
                    // Features of the area: none is known.
                    if (isBegun || tag.Length < HeadLength || Word(block, value) != 0 || Word(block, value + 4) != sequence)
                        return isBegun;
                    isBegun = true;
                }
                else if (!isBegun || kind is < JbdFastTagKind.AddRange or >= JbdFastTagKind.Tail)
                {
                    return isBegun;         // does not begin with a head of this transaction, or goes on with something unknown
                }
                else if (kind != JbdFastTagKind.Padding)
                {
                    pending.Add(new JbdFastRecord(kind, block.AsSpan(value, tag.Length).ToArray()));
                }
                crc = Crc32C.AppendRaw(crc, block.AsSpan(at, JbdFastTag.Size + tag.Length));
                at = value + tag.Length;
            }
        }
        return isBegun;
    }

    private static uint Word(byte[] block, int at) => BinaryPrimitives.ReadUInt32LittleEndian(block.AsSpan(at));
}
