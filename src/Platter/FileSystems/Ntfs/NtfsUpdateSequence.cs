using System.Buffers.Binary;
using Platter.Primitives;

namespace Platter.FileSystems.Ntfs;

/// <summary>The protection of records, index blocks and log pages against writes that were torn apart.</summary>
/// <remarks>
/// <para>"NTFS Documentation" of the Linux-NTFS project, "Fixup". The last two bytes of every 512 are replaced by a number that changes with each
/// write; what stood there is kept in an array near the head:</para>
/// <code>
///   array: | number | word 0 | word 1 | ...        structure: | ...... number | ...... number |
///                                                             0          0x1FE          0x3FE
/// </code>
/// <para>The stride is 512 bytes whatever the sector size is.</para>
/// </remarks>
internal static class NtfsUpdateSequence
{
    public const int Stride = 512;

    /// <summary>What the first write of a structure puts there.</summary>
    public const ushort FirstNumber = 1;

    /// <summary>Words of the array for a structure of so many bytes.</summary>
    public static int WordCount(int length) => length / Stride + 1;

    /// <summary>Takes the protection off, in place. When something is wrong, nothing is changed.</summary>
    /// <param name="structure">The whole structure, a multiple of 512 bytes.</param>
    /// <param name="headerSize">Bytes of its head: the array starts behind it.</param>
    /// <returns>What is wrong, or null.</returns>
    public static string? Remove(Span<byte> structure, int headerSize)
    {
        if (Problem(structure, headerSize) is { } problem)
            return problem;
        var array = Array(structure);
        for (var i = 1; i < array.Length / 2; i++)
            array.Slice(2 * i, 2).CopyTo(structure[(i * Stride - 2)..]);
        return null;
    }

    /// <summary>Puts the protection on, in place, with the next number. The head says where the array is: see <see cref="Place"/>.</summary>
    public static void Apply(Span<byte> structure)
    {
        var array = Array(structure);
        var number = (ushort)(BinaryPrimitives.ReadUInt16LittleEndian(array) + 1);
        if (number is 0 or 0xFFFF)
            number = FirstNumber;
        BinaryPrimitives.WriteUInt16LittleEndian(array, number);
        for (var i = 1; i < array.Length / 2; i++)
        {
            var word = structure.Slice(i * Stride - 2, 2);
            word.CopyTo(array[(2 * i)..]);
            BinaryPrimitives.WriteUInt16LittleEndian(word, number);
        }
    }

    /// <summary>Says in the head of a new structure where its array is, and clears the array.</summary>
    /// <param name="structure">The whole structure.</param>
    /// <param name="offset">Bytes from the start of the structure, even.</param>
    /// <returns>The first byte behind the array, a multiple of 8.</returns>
    public static int Place(Span<byte> structure, int offset)
    {
        ref var header = ref OnDisk.Edit<NtfsProtectedHeader>(structure);
        header.UpdateSequenceOffset = (ushort)offset;
        header.UpdateSequenceCount = (ushort)WordCount(structure.Length);
        Array(structure).Clear();
        return offset + 2 * WordCount(structure.Length) + 7 & ~7;
    }

    /// <summary>What is wrong with the protection of a structure that has it on, or null.</summary>
    public static string? Problem(ReadOnlySpan<byte> structure, int headerSize)
    {
        ref readonly var header = ref OnDisk.View<NtfsProtectedHeader>(structure);
        int offset = header.UpdateSequenceOffset, count = header.UpdateSequenceCount;
        var expected = WordCount(structure.Length);
        if (count != expected)
            return $"update sequence: found {count} words, expected {expected}";
        if (offset < headerSize || (offset & 1) != 0 || offset + 2 * count > Stride - 2)
            return $"update sequence: found at {offset}, expected {headerSize}..{Stride - 2 - 2 * count}";
        var number = BinaryPrimitives.ReadUInt16LittleEndian(structure[offset..]);
        for (var i = 1; i < count; i++)
        {
            var found = BinaryPrimitives.ReadUInt16LittleEndian(structure[(i * Stride - 2)..]);
            if (found != number)
                return $"torn: the number at 0x{i * Stride - 2:X} is 0x{found:X4}, expected 0x{number:X4}";
        }
        return null;
    }

    private static Span<byte> Array(Span<byte> structure)
    {
        ref readonly var header = ref OnDisk.View<NtfsProtectedHeader>(structure);
        return structure.Slice(header.UpdateSequenceOffset, 2 * header.UpdateSequenceCount);
    }
}
