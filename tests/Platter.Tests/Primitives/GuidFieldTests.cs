using System.Runtime.CompilerServices;
using Platter.Primitives;
using Xunit;

namespace Platter.Tests.Primitives;

public sealed class GuidFieldTests
{
    private static readonly Guid Esp = Guid.Parse("C12A7328-F81F-11D2-BA4B-00A0C93EC93B");

    [Fact]
    public void The_fields_are_sixteen_bytes()
    {
        Assert.Equal(16, Unsafe.SizeOf<MixedGuid>());
        Assert.Equal(16, Unsafe.SizeOf<BigEndianGuid>());
    }

    [Fact]
    public void The_mixed_field_stores_the_first_three_parts_little_endian()
    {
        MixedGuid field = Esp;
        Assert.Equal("28732AC11FF8D211BA4B00A0C93EC93B", Convert.ToHexString(field));
        Assert.Equal(Esp, (Guid)field);
        Assert.Equal(Esp.ToString(), field.ToString());
    }

    [Fact]
    public void The_big_endian_field_stores_the_order_of_the_text()
    {
        BigEndianGuid field = Esp;
        Assert.Equal("C12A7328F81F11D2BA4B00A0C93EC93B", Convert.ToHexString(field));
        Assert.Equal(Esp, (Guid)field);
        Assert.Equal(Esp.ToString(), field.ToString());
    }
}
