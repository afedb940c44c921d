using System.Buffers.Binary;
using Platter.Primitives;

namespace Platter.FileSystems.Ext;

/// <summary>The fast commits behind the log: small records of what was changed since the last whole transaction.</summary>
/// <remarks>Linux kernel, Documentation/filesystems/ext4, "Fast Commits". They are found here, so that nothing of them is lost in silence, and not replayed.</remarks>
internal sealed class JbdFastCommits(Jbd journal, Func<uint, byte[]> read)
{
    /// <summary>Whether a fast commit was begun behind a transaction and is not whole: drivers drop it.</summary>
    public bool IsTorn { get; private set; }

    /// <summary>Whether there is a whole fast commit that follows a transaction.</summary>
    /// <param name="sequence">The number of the transaction that would come next.</param>
    public bool HasAny(uint sequence)
    {
        var isWhole = HasWhole(sequence, out var isBegun);
        IsTorn = isBegun && !isWhole;
        return isWhole;
    }

    private bool HasWhole(uint sequence, out bool isBegun)
    {
        var crc = 0u;
        isBegun = false;
        for (var number = journal.FirstFast; number < journal.EndFast; number++)
        {
            var block = read(number);
            for (var at = 0; at + JbdFastTag.Size <= block.Length;)
            {
                ref readonly var tag = ref OnDisk.View<JbdFastTag>(block, at);
                var value = at + JbdFastTag.Size;
                if (tag.Length > block.Length - value)
                    return false;
                switch ((ushort)tag.Tag)
                {
                    case JbdFastTag.HeadTag when tag.Length >= 8 && BinaryPrimitives.ReadUInt32LittleEndian(block.AsSpan(value + 4)) == sequence:
                        isBegun = true;
                        break;
                    case JbdFastTag.TailTag when tag.Length >= 8:
                        crc = Crc32C.AppendRaw(crc, block.AsSpan(at, JbdFastTag.Size + 4));
                        return BinaryPrimitives.ReadUInt32LittleEndian(block.AsSpan(value)) == sequence
                            && BinaryPrimitives.ReadUInt32LittleEndian(block.AsSpan(value + 4)) == crc;
                    case >= 1 and < JbdFastTag.TailTag when number != journal.FirstFast || at != 0:
                        break;
                    default:
                        return false;       // does not begin with a head of this transaction, or goes on with something unknown
                }
                crc = Crc32C.AppendRaw(crc, block.AsSpan(at, JbdFastTag.Size + tag.Length));
                at = value + tag.Length;
            }
        }
        return false;
    }
}
